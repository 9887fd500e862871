/*
 * load.c - the load generator and checker of the benchmarks: one thread, epoll.
 *
 *   load saturate HOST PORT --clients 90 --senders 45 --window 256 --burst 1
 *                           --deaf 0 --warmup MS --measure MS
 *   load paced    HOST PORT --clients 9001 --senders 1 --rate 20 --rest MS
 *                           --warmup MS --measure MS
 *
 * saturate keeps `window` lines in flight: a line is in flight until every
 * other client has it. Each packet carries `burst` lines of one sender, and
 * `deaf` further clients never read what they are sent. paced lets clients join
 * as fast as they can, rests, and then lets senders send `rate` lines a second,
 * all of them together, evenly. HOST is an IPv4 address.
 *
 * --protocol chat|irc|ncat  what the server speaks; chat is multiecho's
 * --concurrency 200         clients that are joining at a time
 * --bytes 60                of a line, LF included
 * --quickack                acknowledge at once (TCP_QUICKACK), not after 40 ms
 * --pid N                   the server's process, to measure its CPU time and memory
 *
 * A line is "s<sender> n<number> t<nanoseconds>" with fixed widths, padded with
 * letters to exactly --bytes, LF included. Every line that comes back is
 * compared in full with what was sent, and for each pair of receiver and sender
 * the numbers must rise by one.
 *
 * The result is one line of JSON on stdout.
 *
 * License: MIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;

enum {
  READ_SIZE = 256 * 1024,
  MAX_LINE = 8192,
  MAX_ID = 128,
  MAX_BURST = 256,
  MAX_BYTES = 2000,
  DEAF_BUFFER = 64 * 1024,
  MAX_EVENTS = 1024,
  MAX_MISSING = 65536,
  SUB_BITS = 6, /* 64 bins for each power of two: within 2 % */
  BINS = 64 << SUB_BITS,
};
static const u64 SECOND = 1000000000u, MILLISECOND = 1000000u;
static const u64 PATIENCE = 10 * 1000000000ull;  /* without any arrival */
static const u64 LAST_WAIT = 60 * 1000000000ull; /* for the paced mode's tail in all */

struct conn {
  int fd;
  u32 index;
  int greeted;    /* greeting lines seen */
  u32 kept_bytes; /* the start of a line whose end has not arrived yet */
  char *kept;
  u64 began;
  char id[MAX_ID];
};

/* A line that was sent, as the others must receive it. */
struct sent {
  u64 time;
  u32 number, remaining;
  u32 prefix; /* bytes before the body */
  u32 length; /* of all of it, including its line end */
  char text[];
};

struct missing {
  u32 receiver, sender, number;
};

static struct {
  long clients, senders, window, burst, deaf, bytes, warmup, measure, rate, rest, concurrency, quickack, pid;
} option = {
    .window = 256,
    .burst = 1,
    .bytes = 60,
    .warmup = 2000,
    .measure = 5000,
    .rate = 20,
    .rest = 200,
    .concurrency = 200,
};

static enum { CHAT, IRC, NCAT } protocol = CHAT;

static struct sockaddr_in address;
static int poller;
static struct conn *conns;
static u32 conn_count, sender_count;
static u32 reader_count; /* the first of the connections; the rest never read */

static char *ring; /* sender_count rows of ring_size slots */
static u32 ring_size, slot_size;
static u32 *last_number; /* by sender */
static u32 *expected;    /* by receiver and sender */
static u32 in_flight;

static u64 delivered, lost, reordered, duplicated, altered, other;
static struct missing missing[MAX_MISSING];
static u32 missing_count;

/* How long each delivery took, and how long each line took to its last reader. */
static u64 measured_bins[BINS], measured_last[BINS], ignored_bins[BINS];
static u64 *bins = ignored_bins, *last_bins = ignored_bins;
static u64 slowest;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fprintf(stderr, "load: ");
  vfprintf(stderr, format, list);
  fprintf(stderr, "\n");
  va_end(list);
  exit(1);
}

static void *allocate(size_t count, size_t size) {
  void *p = calloc(count, size);
  if (!p)
    die("out of memory");
  return p;
}

static u64 clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * SECOND + (u64)t.tv_nsec;
}

/* CPU seconds, user and system, of a process in all its threads; 0 is this one. */
static double cpu_seconds(pid_t pid) {
  struct timespec t = {0};
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock) == 0)
    clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resident bytes of the server. */
static double resident_bytes(void) {
  char path[64];
  long pages = 0;
  snprintf(path, sizeof path, "/proc/%ld/statm", option.pid);
  FILE *file = fopen(path, "r");
  if (!file)
    return 0;
  if (fscanf(file, "%*d %ld", &pages) != 1)
    pages = 0;
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- latencies: logarithmic bins ---- */

static inline u32 bin_of(u64 ns) {
  if (ns < 1u << SUB_BITS)
    return (u32)ns;
  u32 shift = 63u - (u32)__builtin_clzll(ns) - SUB_BITS;
  return (shift << SUB_BITS) + (u32)(ns >> shift);
}

static double bin_middle(u32 bin) {
  if (bin < 2u << SUB_BITS)
    return bin;
  u32 shift = (bin >> SUB_BITS) - 1;
  u64 low = (u64)(bin - (shift << SUB_BITS)) << shift;
  return (double)low + (double)(1ull << shift) / 2;
}

static double percentile_us(const u64 *counts, double share) {
  u64 total = 0, seen = 0;
  for (u32 i = 0; i < BINS; i++)
    total += counts[i];
  for (u32 i = 0; i < BINS; i++) {
    seen += counts[i];
    if (total > 0 && (double)seen >= share * (double)total)
      return bin_middle(i) / 1000;
  }
  return 0;
}

static inline void note_latency(u64 ns) {
  bins[bin_of(ns)]++;
  if (ns > slowest)
    slowest = ns;
}

/* ---- sending ---- */

static inline struct sent *slot_of(u32 sender, u32 number) {
  size_t slot = (size_t)sender * ring_size + (number & (ring_size - 1));
  return (struct sent *)(ring + slot * slot_size);
}

static void put_digits(char *to, int width, u64 value) {
  while (width-- > 0) {
    to[width] = (char)('0' + value % 10);
    value /= 10;
  }
}

/* Where the parts of a line are: "s012 n0123456789 t0123456789012345678 abc...". */
enum { NUMBER_AT = 6, TIME_AT = 18, PADDING_AT = 37, NUMBER_WIDTH = 10, TIME_WIDTH = 19 };

/* Fills in what is the same in all lines of a sender, once. */
static void prepare_lines(u32 at_once) {
  ring_size = 1;
  while (ring_size < at_once)
    ring_size *= 2;
  slot_size = (u32)(sizeof(struct sent) + MAX_ID + 8 + (size_t)option.bytes + 63) & ~63u;
  ring = allocate((size_t)sender_count * ring_size, slot_size);
  last_number = allocate(sender_count, sizeof *last_number);
  expected = allocate((size_t)conn_count * sender_count, sizeof *expected);
  for (u32 s = 0; s < sender_count; s++) {
    for (u32 i = 0; i < ring_size; i++) {
      struct sent *line = slot_of(s, i);
      const char *format = protocol == IRC    ? "%s PRIVMSG #c :"
                           : protocol == NCAT ? "%s "
                                              : "(%s) ";
      line->prefix = (u32)sprintf(line->text, format, conns[s].id);
      char *body = line->text + line->prefix;
      sprintf(body, "s%03u n%010u t%019u", s, 0u, 0u);
      body[PADDING_AT] = ' ';
      for (u32 k = PADDING_AT + 1; k < option.bytes - 1; k++)
        body[k] = (char)('a' + (k + s) % 26);
      /* ncat passes the line end on unchanged. */
      const char *end = protocol == NCAT ? "\n" : "\r\n";
      strcpy(body + option.bytes - 1, end);
      line->length = line->prefix + (u32)option.bytes - 1 + (u32)strlen(end);
    }
  }
  for (u32 c = 0; c < conn_count; c++)
    for (u32 s = 0; s < sender_count; s++)
      /* No line has the last number: an echo to its sender never matches. */
      expected[(size_t)c * sender_count + s] = c == s ? UINT32_MAX : 1;
}

/* Sends `burst` lines of one sender in one packet. */
static void send_lines(u32 sender) {
  static const char command[] = "PRIVMSG #c :";
  static char out[MAX_BURST * (sizeof command + MAX_BYTES + 2)];
  char *at = out;
  u64 now = clock_now();
  for (long k = 0; k < option.burst; k++) {
    u32 number = ++last_number[sender];
    struct sent *line = slot_of(sender, number);
    char *body = line->text + line->prefix;
    line->number = number;
    line->remaining = reader_count - 1;
    line->time = now;
    put_digits(body + NUMBER_AT, NUMBER_WIDTH, number);
    put_digits(body + TIME_AT, TIME_WIDTH, line->time);
    if (protocol == IRC)
      at = mempcpy(at, command, sizeof command - 1);
    at = mempcpy(at, body, (size_t)option.bytes - 1);
    if (protocol == IRC)
      *at++ = '\r';
    *at++ = '\n';
  }
  in_flight += (u32)option.burst;
  ssize_t n = send(conns[sender].fd, out, (size_t)(at - out), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN)
    die("sender %u: %s", sender, strerror(errno));
  if (n != at - out)
    die("sender %u: its socket is full; use a smaller --window", sender);
}

/* ---- receiving ---- */

static inline void settle(struct sent *line, u64 now) {
  if (--line->remaining > 0)
    return;
  in_flight--;
  last_bins[bin_of(now - line->time)]++;
}

static bool digits(const char *p, int width, u32 *value) {
  u64 v = 0;
  for (int i = 0; i < width; i++) {
    if (p[i] < '0' || p[i] > '9')
      return false;
    v = v * 10 + (u64)(p[i] - '0');
  }
  *value = (u32)v;
  return v <= UINT32_MAX;
}

/* A number below the expected one: late, if it was missing before. */
static void late_or_again(u32 receiver, u32 sender, u32 number) {
  for (u32 i = 0; i < missing_count; i++) {
    struct missing *m = &missing[i];
    if (m->receiver == receiver && m->sender == sender && m->number == number) {
      *m = missing[--missing_count];
      lost--;
      reordered++;
      return;
    }
  }
  duplicated++;
}

/* What is between the sender's name and its line; in the protocols, it is nowhere else. */
static const char *const before_body[] = {[CHAT] = ") s", [IRC] = " :s", [NCAT] = "> s"};

/* Whether a line is the server's own, such as a notice of a join. */
static bool is_notice(const char *text, size_t length) {
  if (protocol == IRC)
    return !memmem(text, length, " PRIVMSG #c :", 13);
  return protocol == NCAT && length > 11 && memcmp(text, "<announce> ", 11) == 0;
}

/* Any line that is not exactly the expected one of its sender. */
static void take_odd_line(struct conn *c, const char *text, size_t length, u64 now) {
  u32 sender, number;
  if (is_notice(text, length))
    return;
  const char *body = memmem(text, length, before_body[protocol], 3);
  body = body ? body + 2 : text;
  /* ncat names the sender once for everything that it read at a time. */
  if ((body == text && protocol != NCAT) || text + length - body < PADDING_AT ||
      *body != 's' || !digits(body + 1, 3, &sender) || memcmp(body + 4, " n", 2) != 0 || !digits(body + NUMBER_AT, NUMBER_WIDTH, &number) ||
      sender >= sender_count) {
    other++;
    return;
  }
  u32 *next = &expected[(size_t)c->index * sender_count + sender];
  if (number == 0 || number > last_number[sender]) {
    altered++;
    return;
  }
  if (number < *next) {
    late_or_again(c->index, sender, number);
    return;
  }
  /* The missing ones are settled too, or the load would stall. */
  for (; *next < number; ++*next) {
    lost++;
    if (missing_count < MAX_MISSING)
      missing[missing_count++] = (struct missing){c->index, sender, *next};
    settle(slot_of(sender, *next), now);
  }
  struct sent *line = slot_of(sender, number);
  const char *whole = line->text + (body == text ? line->prefix : 0);
  if (text + length - body != option.bytes - 1 || memcmp(text, whole, length) != 0)
    altered++;
  note_latency(now - line->time);
  delivered++;
  settle(line, now);
  ++*next;
}

/* ---- being greeted ---- */

enum { GREETED = 2 };

static void say(struct conn *c, const char *format, const char *argument) {
  char text[256];
  int length = snprintf(text, sizeof text, format, argument);
  if (send(c->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
    die("client %u: %s", c->index, strerror(errno));
}

static void keep_id(struct conn *c, const char *text, size_t length) {
  if (length >= MAX_ID)
    die("unexpected greeting: %.*s", (int)length, text);
  memcpy(c->id, text, length);
  c->id[length] = '\0';
}

/* Two lines, of which the second has the id. */
static void take_chat_greeting(struct conn *c, const char *text, size_t length) {
  static const char label[] = "client id: ";
  size_t skip = sizeof label - 1;
  if (++c->greeted < GREETED)
    return;
  if (length <= skip || memcmp(text, label, skip) != 0)
    die("unexpected greeting: %.*s", (int)length, text);
  keep_id(c, text + skip, length - skip);
}

/* Registers and joins the channel; done at the end of the names (366). */
static void take_irc_greeting(struct conn *c, const char *text, size_t length) {
  char line[512];
  if (length >= sizeof line)
    return;
  memcpy(line, text, length);
  line[length] = '\0';
  char *join = strstr(line, " JOIN "), *ping = strncmp(line, "PING ", 5) == 0 ? line + 5 : NULL;
  if (strncmp(line, "ERROR", 5) == 0)
    die("client %u: %s", c->index, line);
  if (ping)
    say(c, "PONG %s\r\n", ping);
  else if (strstr(line, " 001 "))
    say(c, "JOIN %s\r\n", "#c");
  else if (join && c->greeted == 0 && (c->greeted = 1))
    keep_id(c, line, (size_t)(join - line)); /* its own comes before others' */
  else if (c->greeted == 1 && strstr(line, " 366 "))
    c->greeted = GREETED;
}

/* One announcement: "<announce> 127.0.0.1 is connected as <user5>." */
static void take_ncat_greeting(struct conn *c, const char *text, size_t length) {
  const char *id = memrchr(text, '<', length), *end = memrchr(text, '>', length);
  if (!id || !end || end < id)
    die("unexpected greeting: %.*s", (int)length, text);
  keep_id(c, id, (size_t)(end + 1 - id));
  c->greeted = GREETED;
}

static void take_greeting(struct conn *c, const char *text, size_t length) {
  if (protocol == IRC)
    take_irc_greeting(c, text, length);
  else if (protocol == NCAT)
    take_ncat_greeting(c, text, length);
  else
    take_chat_greeting(c, text, length);
}

/* ---- reading ---- */

/* Handles the complete lines in [at, end); returns where the rest begins. */
static char *take_lines(struct conn *c, char *at, char *end, u64 now) {
  u32 *next = expected ? &expected[(size_t)c->index * sender_count] : NULL;
  const char id_ends = protocol == IRC ? ':' : before_body[protocol][0];
  u64 count = 0;
  while (at < end) {
    /* The usual case: the expected line of its sender, byte for byte. */
    if (c->greeted == GREETED && next && end - at > PADDING_AT) {
      size_t span = (size_t)(end - at) - PADDING_AT;
      char *id_end = memchr(at + 1, id_ends, span < MAX_ID ? span : MAX_ID);
      if (id_end) {
        const char *digit = id_end + (protocol == IRC ? 2 : 3);
        u32 sender =
            (u32)(digit[0] - '0') * 100 + (u32)(digit[1] - '0') * 10 + (u32)(digit[2] - '0');
        if (sender < sender_count) {
          struct sent *line = slot_of(sender, next[sender]);
          if (line->number == next[sender] && line->length <= (size_t)(end - at) &&
              memcmp(at, line->text, line->length) == 0) {
            note_latency(now - line->time);
            next[sender]++;
            count++;
            at += line->length;
            settle(line, now);
            continue;
          }
        }
      }
    }
    char *newline = memchr(at, '\n', (size_t)(end - at));
    if (!newline)
      break;
    size_t length = (size_t)(newline - at);
    if (length > 0 && at[length - 1] == '\r')
      length--;
    if (c->greeted < GREETED)
      take_greeting(c, at, length);
    else if (expected)
      take_odd_line(c, at, length, now);
    at = newline + 1;
  }
  delivered += count;
  return at;
}

/* Reads once; returns the time at which the bytes had arrived. */
static u64 read_conn(struct conn *c) {
  static char space[MAX_LINE + READ_SIZE];
  char *input = space + MAX_LINE;
  ssize_t n = read(c->fd, input, READ_SIZE);
  u64 now = clock_now();
  /* The kernel resets it with each read. */
  if (option.quickack) {
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return now;
  if (n <= 0)
    die("client %u: the server closed the connection: %s", c->index,
        n < 0 ? strerror(errno) : "end of stream");
  char *at = input - c->kept_bytes;
  if (c->kept_bytes > 0)
    memcpy(at, c->kept, c->kept_bytes);
  at = take_lines(c, at, input + n, now);
  size_t rest = (size_t)(input + n - at);
  if (rest > MAX_LINE)
    die("client %u: a line is longer than %d bytes", c->index, MAX_LINE);
  c->kept_bytes = (u32)rest;
  if (rest > 0) {
    if (!c->kept)
      c->kept = allocate(1, MAX_LINE);
    memcpy(c->kept, at, rest);
  }
  return now;
}

/* ---- connecting ---- */

static void begin_connecting(struct conn *c) {
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0)
    die("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (c->index >= reader_count) {
    int small = DEAF_BUFFER;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  c->began = clock_now();
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    die("connect: %s", strerror(errno));
  struct epoll_event e = {.events = EPOLLIN | (protocol == IRC ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) < 0)
    die("epoll_ctl: %s", strerror(errno));
}

/* IRC's client speaks first, once it is connected. */
static void introduce(struct conn *c) {
  char name[16];
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e) < 0)
    die("epoll_ctl: %s", strerror(errno));
  snprintf(name, sizeof name, "c%05u", c->index);
  say(c, "NICK %s\r\nUSER c 0 * :c\r\n", name);
}

/* Connects all the clients, at most `concurrency` of them waiting at a time. */
static void connect_all(u32 readers, u32 deaf) {
  static struct epoll_event events[MAX_EVENTS];
  u32 begun = 0, done = 0, count = readers + deaf;
  conn_count = count;
  reader_count = readers;
  conns = allocate(count, sizeof *conns);
  while (done < count) {
    for (; begun < count && begun - done < option.concurrency; begun++) {
      conns[begun].index = begun;
      begin_connecting(&conns[begun]);
    }
    int n = epoll_wait(poller, events, MAX_EVENTS, (int)(PATIENCE / MILLISECOND));
    if (n == 0)
      die("only %u of %u clients were greeted", done, count);
    for (int i = 0; i < n; i++) {
      struct conn *c = events[i].data.ptr;
      bool before = c->greeted == GREETED;
      if (events[i].events & EPOLLOUT)
        introduce(c);
      u64 now = read_conn(c);
      if (before || c->greeted != GREETED)
        continue;
      done++;
      note_latency(now - c->began);
      if (c->index >= readers && epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL) < 0)
        die("epoll_ctl: %s", strerror(errno));
    }
  }
}

/* ---- the modes ---- */

static u64 begun_at, ended_at, begun_delivered, ended_delivered;
static double begun_cpu, ended_cpu, begun_server_cpu, ended_server_cpu;

static void begin_measuring(u64 now) {
  begun_at = now;
  begun_delivered = delivered;
  begun_cpu = cpu_seconds(0);
  begun_server_cpu = cpu_seconds((pid_t)option.pid);
  bins = measured_bins;
  last_bins = measured_last;
  slowest = 0;
}

static void end_measuring(u64 now) {
  ended_at = now;
  ended_delivered = delivered;
  ended_cpu = cpu_seconds(0);
  ended_server_cpu = cpu_seconds((pid_t)option.pid);
  bins = last_bins = ignored_bins;
}

static void report_deliveries(u64 max) {
  /* What has not arrived by now is lost. */
  for (u32 c = 0; c < reader_count; c++)
    for (u32 s = 0; s < sender_count; s++)
      if (c != s)
        lost += last_number[s] + 1 - expected[(size_t)c * sender_count + s];
  u64 count = ended_delivered - begun_delivered;
  double seconds = (double)(ended_at - begun_at) / 1e9;
  printf("\"deliveries\":%llu,\"seconds\":%.3f,\"cpu\":%.6f,\"loadCpu\":%.6f,",
         (unsigned long long)count, seconds, ended_server_cpu - begun_server_cpu,
         ended_cpu - begun_cpu);
  printf("\"lost\":%llu,\"reordered\":%llu,\"duplicated\":%llu,", (unsigned long long)lost,
         (unsigned long long)reordered, (unsigned long long)duplicated);
  printf("\"altered\":%llu,\"other\":%llu,", (unsigned long long)altered,
         (unsigned long long)other);
  printf("\"p50us\":%.1f,\"p99us\":%.1f,\"maxus\":%.1f,\"last50us\":%.1f}\n",
         percentile_us(measured_bins, 0.5), percentile_us(measured_bins, 0.99),
         (double)max / 1000, percentile_us(measured_last, 0.5));
}

static void saturate(void) {
  static struct epoll_event events[MAX_EVENTS];
  enum { WARMING, MEASURING, ENDING } phase = WARMING;
  connect_all((u32)option.clients, (u32)option.deaf);
  printf("{");
  sender_count = (u32)option.senders;
  prepare_lines((u32)option.window);
  u64 now = clock_now(), due = now + (u64)option.warmup * MILLISECOND, latest = now, max = 0;
  u32 turn = 0, most = (u32)(option.window - option.burst);
  while (phase != ENDING || (in_flight > 0 && now - latest < PATIENCE)) {
    /* At the start, and if nothing arrives; else the loop below refills. */
    while (phase != ENDING && in_flight <= most)
      send_lines(turn++ % sender_count);
    int n = epoll_wait(poller, events, MAX_EVENTS, 100);
    now = clock_now();
    if (n > 0)
      latest = now;
    if (phase != ENDING && now - latest > PATIENCE)
      die("nothing has arrived for %llu s", (unsigned long long)(PATIENCE / SECOND));
    for (int i = 0; i < n; i++) {
      now = read_conn(events[i].data.ptr);
      while (phase != ENDING && in_flight <= most)
        send_lines(turn++ % sender_count);
    }
    if (phase == WARMING && now >= due) {
      begin_measuring(now);
      due = now + (u64)option.measure * MILLISECOND;
      phase = MEASURING;
    } else if (phase == MEASURING && now >= due) {
      end_measuring(now);
      max = slowest;
      phase = ENDING;
    }
  }
  report_deliveries(max);
}

static void paced(void) {
  static struct epoll_event events[MAX_EVENTS];
  u32 warming = (u32)(option.warmup * option.rate / 1000);
  u32 lines = warming + (u32)(option.measure * option.rate / 1000);
  double memory = resident_bytes(), cpu = cpu_seconds((pid_t)option.pid);
  u64 began = clock_now();
  connect_all((u32)option.clients, 0);
  double joining = (double)(clock_now() - began) / 1e9;
  cpu = cpu_seconds((pid_t)option.pid) - cpu;
  usleep((useconds_t)option.rest * 1000); /* let the server become idle */
  memory = resident_bytes() - memory;
  printf("{\"joinsPerSecond\":%.0f,\"joinCpu\":%.2f,\"bytesPerClient\":%.0f,",
         (double)option.clients / joining, cpu * 1e6 / (double)option.clients,
         memory / (double)option.clients);
  sender_count = (u32)option.senders;
  prepare_lines(lines);
  u64 now = clock_now(), start = now, latest = now, end = UINT64_MAX;
  u32 sent = 0;
  if (warming == 0)
    begin_measuring(now);
  while (sent < lines || (in_flight > 0 && now - latest < PATIENCE && now < end)) {
    u64 due = start + sent * SECOND / (u64)option.rate;
    if (sent < lines && now >= due) {
      if (sent == warming && sent > 0)
        begin_measuring(now);
      send_lines(sent % sender_count);
      if (++sent == lines) {
        latest = now = clock_now();
        end = now + LAST_WAIT;
      }
      continue;
    }
    int wait = sent < lines ? (int)((due - now) / MILLISECOND) + 1 : 100;
    int n = epoll_wait(poller, events, MAX_EVENTS, wait);
    now = clock_now();
    for (int i = 0; i < n; i++)
      latest = now = read_conn(events[i].data.ptr);
  }
  end_measuring(clock_now());
  report_deliveries(slowest);
}

/* ---- the command line ---- */

static void read_protocol(const char *name) {
  if (strcmp(name, "irc") == 0)
    protocol = IRC;
  else if (strcmp(name, "ncat") == 0)
    protocol = NCAT;
  else if (strcmp(name, "chat") != 0)
    die("--protocol: chat, irc or ncat");
}

static void read_options(int argc, char **argv) {
  static const struct {
    const char *name;
    long *value, least, most;
  } known[] = {
      {"--clients", &option.clients, 2, 20000},
      {"--senders", &option.senders, 1, 999},
      {"--window", &option.window, 1, 65536},
      {"--burst", &option.burst, 1, MAX_BURST},
      {"--deaf", &option.deaf, 0, 1000},
      {"--bytes", &option.bytes, 40, MAX_BYTES},
      {"--warmup", &option.warmup, 0, 600000},
      {"--measure", &option.measure, 1, 600000},
      {"--rate", &option.rate, 1, 10000},
      {"--rest", &option.rest, 0, 60000},
      {"--concurrency", &option.concurrency, 1, 4096},
      {"--pid", &option.pid, 1, 1L << 22},
  };
  for (int i = 4; i < argc; i++) {
    size_t k = 0, count = sizeof known / sizeof *known;
    if (strcmp(argv[i], "--quickack") == 0) {
      option.quickack = 1;
      continue;
    }
    if (strcmp(argv[i], "--protocol") == 0 && i + 1 < argc) {
      read_protocol(argv[++i]);
      continue;
    }
    while (k < count && strcmp(argv[i], known[k].name) != 0)
      k++;
    if (k == count || i + 1 == argc)
      die("unknown option, or no value: %s", argv[i]);
    char *end;
    long value = strtol(argv[++i], &end, 10);
    if (*end || value < known[k].least || value > known[k].most)
      die("%s: from %ld to %ld", known[k].name, known[k].least, known[k].most);
    *known[k].value = value;
  }
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  bool is_saturate = strcmp(mode, "saturate") == 0, is_paced = strcmp(mode, "paced") == 0;
  if (argc < 4 || !(is_saturate || is_paced))
    die("usage: load saturate|paced HOST PORT [options]");
  option.clients = is_saturate ? 90 : 9001;
  option.senders = is_saturate ? 45 : 1;
  read_options(argc, argv);
  if (option.senders > option.clients)
    die("more senders than clients");
  if (option.burst > option.window)
    die("a burst is larger than the window");
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(argv[3]));
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
    die("not an IPv4 address: %s", argv[2]);

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if ((rlim_t)(option.clients + option.deaf) + 16 > files.rlim_cur)
    die("%ld clients need more descriptors than %ld", option.clients, (long)files.rlim_cur);

  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0)
    die("epoll_create1: %s", strerror(errno));
  if (is_saturate)
    saturate();
  else
    paced();
  return 0;
}
