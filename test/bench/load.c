/*
 * load.c - the load generator and checker of the benchmarks: one thread, epoll.
 *
 *   load saturate HOST PORT --clients 90 --senders 45 --window 256 --bytes 60
 *                           --warmup S --seconds S
 *   load idle     HOST PORT --clients 9000 --lines 200 --rate 20 --bytes 60
 *   load joins    HOST PORT --clients 10000 --concurrency 200 [--close]
 *
 * saturate keeps `window` lines in flight: a line is in flight until every
 * other client has it. idle lets one further client send at a steady rate to
 * many silent ones. joins connects clients, then holds them until its standard
 * input closes (--close: not at all). HOST is an IPv4 address.
 *
 * A line is "s<sender> n<number> t<nanoseconds>" with fixed widths, padded with
 * letters to exactly --bytes, LF included. Every line that comes back is
 * compared in full with what was sent, and for each pair of receiver and sender
 * the numbers must rise by one.
 *
 * "start" and "stop" on stderr enclose the measured part, so that a driver can
 * read the server's CPU time there. The result is one line of JSON on stdout.
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
  MAX_ID = 64,
  MAX_EVENTS = 1024,
  MAX_MISSING = 65536,
  SUB_BITS = 6, /* 64 bins for each power of two: within 2 % */
  BINS = 64 << SUB_BITS,
};
static const u64 SECOND = 1000000000u;
static const u64 PATIENCE = 10 * 1000000000ull;  /* without any arrival */
static const u64 LAST_WAIT = 60 * 1000000000ull; /* for the idle mode's tail in all */

struct conn {
  int fd;
  u32 index;
  int greeted;    /* greeting lines seen */
  u32 kept_bytes; /* the start of a line whose end has not come yet */
  char *kept;
  u64 began;
  char id[MAX_ID];
};

/* A line that was sent, as the others must receive it. */
struct sent {
  u64 time;
  u32 number, remaining, length;
  char text[];
};

struct missing {
  u32 receiver, sender, number;
};

static struct {
  long clients, senders, window, bytes, warmup, seconds, lines, rate, concurrency, close;
} option = {
    .senders = 45,
    .window = 256,
    .bytes = 60,
    .warmup = 2,
    .seconds = 5,
    .lines = 200,
    .rate = 20,
    .concurrency = 200,
};

static struct sockaddr_in address;
static int poller;
static struct conn *conns;
static u32 conn_count, sender_count;

static char *ring; /* sender_count rows of ring_size slots */
static u32 ring_size, slot_size;
static u32 *last_number; /* by sender */
static u32 *expected;    /* by receiver and sender */
static u32 in_flight;

static u64 delivered, lost, reordered, duplicated, altered, other;
static struct missing missing[MAX_MISSING];
static u32 missing_count;

static u64 measured_bins[BINS], ignored_bins[BINS];
static u64 *bins = ignored_bins;
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

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
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

static double percentile_us(double share) {
  u64 total = 0, seen = 0;
  for (u32 i = 0; i < BINS; i++)
    total += measured_bins[i];
  for (u32 i = 0; i < BINS; i++) {
    seen += measured_bins[i];
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

/* Fills in once what is the same in all lines of a sender. */
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
      u32 prefix = (u32)sprintf(line->text, "(%s) ", conns[s].id);
      char *body = line->text + prefix;
      sprintf(body, "s%03u n%010u t%019u", s, 0u, 0u);
      body[PADDING_AT] = ' ';
      for (u32 k = PADDING_AT + 1; k < option.bytes - 1; k++)
        body[k] = (char)('a' + (k + s) % 26);
      memcpy(body + option.bytes - 1, "\r\n", 2);
      line->length = prefix + (u32)option.bytes + 1;
    }
  }
  for (u32 c = 0; c < conn_count; c++)
    for (u32 s = 0; s < sender_count; s++)
      /* No line bears the last number: an echo to its sender never fits. */
      expected[(size_t)c * sender_count + s] = c == s ? UINT32_MAX : 1;
}

static void send_line(u32 sender) {
  char out[MAX_LINE];
  size_t size = (size_t)option.bytes;
  u32 number = ++last_number[sender];
  struct sent *line = slot_of(sender, number);
  char *body = line->text + line->length - size - 1;
  line->number = number;
  line->remaining = conn_count - 1;
  line->time = clock_now();
  put_digits(body + NUMBER_AT, NUMBER_WIDTH, number);
  put_digits(body + TIME_AT, TIME_WIDTH, line->time);
  memcpy(out, body, size - 1);
  out[size - 1] = '\n';
  in_flight++;
  ssize_t n = send(conns[sender].fd, out, size, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN)
    die("sender %u: %s", sender, strerror(errno));
  if (n != (ssize_t)size)
    die("sender %u: its socket is full; use a smaller --window", sender);
}

/* ---- receiving ---- */

static inline void settle(struct sent *line) {
  if (--line->remaining == 0)
    in_flight--;
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

/* A number below the expected one: late, if it was missed before. */
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

/* Any line that is not exactly the expected one of its sender. */
static void take_odd_line(struct conn *c, const char *text, size_t length, u64 now) {
  u32 sender, number;
  const char *body = memmem(text, length, ") s", 3);
  if (text[0] != '(' || !body || text + length - (body += 2) < PADDING_AT ||
      !digits(body + 1, 3, &sender) || memcmp(body + 4, " n", 2) != 0 ||
      !digits(body + NUMBER_AT, NUMBER_WIDTH, &number) || sender >= sender_count) {
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
  /* The missed ones are settled as well, or the load would come to a halt. */
  for (; *next < number; ++*next) {
    lost++;
    if (missing_count < MAX_MISSING)
      missing[missing_count++] = (struct missing){c->index, sender, *next};
    settle(slot_of(sender, *next));
  }
  struct sent *line = slot_of(sender, number);
  if (length + 2 != line->length || memcmp(text, line->text, length) != 0)
    altered++;
  note_latency(now - line->time);
  delivered++;
  settle(line);
  ++*next;
}

static void take_greeting(struct conn *c, const char *text, size_t length) {
  static const char label[] = "client id: ";
  size_t skip = sizeof label - 1;
  if (++c->greeted == 2) {
    if (length <= skip || length - skip >= MAX_ID || memcmp(text, label, skip) != 0)
      die("unexpected greeting: %.*s", (int)length, text);
    memcpy(c->id, text + skip, length - skip);
  }
}

/* Takes the whole lines in [at, end); returns where the rest begins. */
static char *take_lines(struct conn *c, char *at, char *end, u64 now) {
  u32 *next = expected ? &expected[(size_t)c->index * sender_count] : NULL;
  u64 count = 0;
  while (at < end) {
    /* The usual case: the expected line of its sender, byte for byte. */
    if (c->greeted == 2 && end - at > PADDING_AT) {
      size_t span = (size_t)(end - at) - PADDING_AT;
      char *id_end = memchr(at, ')', span < MAX_ID ? span : MAX_ID);
      if (id_end) {
        const char *digit = id_end + sizeof ") s" - 1;
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
            settle(line);
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
    if (c->greeted < 2)
      take_greeting(c, at, length);
    else
      take_odd_line(c, at, length, now);
    at = newline + 1;
  }
  delivered += count;
  return at;
}

/* Reads once; returns the time at which the bytes were there. */
static u64 read_conn(struct conn *c) {
  static char space[MAX_LINE + READ_SIZE];
  char *input = space + MAX_LINE;
  ssize_t n = read(c->fd, input, READ_SIZE);
  u64 now = clock_now();
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
  c->began = clock_now();
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    die("connect: %s", strerror(errno));
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) < 0)
    die("epoll_ctl: %s", strerror(errno));
}

/* Connects all the clients, at most `concurrency` of them waiting at a time. */
static void connect_all(u32 count) {
  static struct epoll_event events[MAX_EVENTS];
  u32 begun = 0, done = 0;
  conn_count = count;
  conns = allocate(count, sizeof *conns);
  while (done < count) {
    for (; begun < count && begun - done < option.concurrency; begun++) {
      conns[begun].index = begun;
      begin_connecting(&conns[begun]);
    }
    int n = epoll_wait(poller, events, MAX_EVENTS, (int)(PATIENCE / 1000000));
    if (n == 0)
      die("only %u of %u clients were greeted", done, count);
    for (int i = 0; i < n; i++) {
      struct conn *c = events[i].data.ptr;
      bool before = c->greeted == 2;
      u64 now = read_conn(c);
      if (!before && c->greeted == 2) {
        done++;
        note_latency(now - c->began);
      }
    }
  }
}

/* ---- the modes ---- */

static u64 begun_at, ended_at, begun_delivered, ended_delivered;
static double begun_cpu, ended_cpu;

static void begin_measuring(u64 now) {
  begun_at = now;
  begun_delivered = delivered;
  begun_cpu = cpu_seconds();
  bins = measured_bins;
  slowest = 0;
  fputs("start\n", stderr);
}

static void end_measuring(u64 now) {
  ended_at = now;
  ended_delivered = delivered;
  ended_cpu = cpu_seconds();
  bins = ignored_bins;
  fputs("stop\n", stderr);
}

static void print_times(const char *what, u64 count) {
  double seconds = (double)(ended_at - begun_at) / 1e9;
  printf("{\"%s\":%llu,\"seconds\":%.3f,\"perSecond\":%.0f,", what, (unsigned long long)count,
         seconds, (double)count / seconds);
}

static void print_latencies(u64 max) {
  printf("\"p50us\":%.1f,\"p99us\":%.1f,\"maxus\":%.1f,\"loadCpu\":%.3f}\n", percentile_us(0.5),
         percentile_us(0.99), (double)max / 1000,
         (ended_cpu - begun_cpu) / ((double)(ended_at - begun_at) / 1e9));
  fflush(stdout);
}

static void report_deliveries(u64 max) {
  /* What has not come by now is lost. */
  for (u32 c = 0; c < conn_count; c++)
    for (u32 s = 0; s < sender_count; s++)
      if (c != s)
        lost += last_number[s] + 1 - expected[(size_t)c * sender_count + s];
  print_times("deliveries", ended_delivered - begun_delivered);
  printf("\"lost\":%llu,\"reordered\":%llu,\"duplicated\":%llu,", (unsigned long long)lost,
         (unsigned long long)reordered, (unsigned long long)duplicated);
  printf("\"altered\":%llu,\"other\":%llu,", (unsigned long long)altered,
         (unsigned long long)other);
  print_latencies(max);
}

static void saturate(void) {
  static struct epoll_event events[MAX_EVENTS];
  enum { WARMING, MEASURING, ENDING } phase = WARMING;
  connect_all((u32)option.clients);
  sender_count = (u32)option.senders;
  prepare_lines((u32)option.window);
  u64 now = clock_now(), due = now + (u64)option.warmup * SECOND, latest = now, max = 0;
  u32 turn = 0;
  while (phase != ENDING || (in_flight > 0 && now - latest < PATIENCE)) {
    /* At the start, and if nothing arrives; else the loop below refills. */
    while (phase != ENDING && in_flight < option.window)
      send_line(turn++ % sender_count);
    int n = epoll_wait(poller, events, MAX_EVENTS, 100);
    now = clock_now();
    if (n > 0)
      latest = now;
    if (phase != ENDING && now - latest > PATIENCE)
      die("nothing has arrived for %llu s", (unsigned long long)(PATIENCE / SECOND));
    for (int i = 0; i < n; i++) {
      now = read_conn(events[i].data.ptr);
      while (phase != ENDING && in_flight < option.window)
        send_line(turn++ % sender_count);
    }
    if (phase == WARMING && now >= due) {
      begin_measuring(now);
      due = now + (u64)option.seconds * SECOND;
      phase = MEASURING;
    } else if (phase == MEASURING && now >= due) {
      end_measuring(now);
      max = slowest;
      phase = ENDING;
    }
  }
  report_deliveries(max);
}

static void idle(void) {
  static struct epoll_event events[MAX_EVENTS];
  connect_all((u32)option.clients + 1);
  sender_count = 1;
  prepare_lines((u32)option.lines);
  usleep(500000); /* let the server come to rest after the joins */
  u64 now = clock_now(), start = now, latest = now, end = UINT64_MAX;
  u32 sent = 0;
  begin_measuring(now);
  while (sent < option.lines || (in_flight > 0 && now - latest < PATIENCE && now < end)) {
    u64 due = start + sent * SECOND / (u64)option.rate;
    if (sent < option.lines && now >= due) {
      send_line(0);
      if (++sent == option.lines) {
        latest = now = clock_now();
        end = now + LAST_WAIT;
      }
      continue;
    }
    int wait = sent < option.lines ? (int)((due - now) / 1000000) + 1 : 100;
    int n = epoll_wait(poller, events, MAX_EVENTS, wait);
    now = clock_now();
    for (int i = 0; i < n; i++)
      latest = now = read_conn(events[i].data.ptr);
  }
  end_measuring(clock_now());
  report_deliveries(slowest);
}

static void joins(void) {
  static struct epoll_event events[MAX_EVENTS];
  begin_measuring(clock_now());
  connect_all((u32)option.clients);
  end_measuring(clock_now());
  print_times("joins", conn_count);
  print_latencies(slowest);
  if (option.close)
    return;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &e) < 0)
    return; /* a file or the null device: it is at its end already */
  for (;;) {
    int n = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < n; i++) {
      char scrap[256];
      if (events[i].data.ptr)
        read_conn(events[i].data.ptr);
      else if (read(STDIN_FILENO, scrap, sizeof scrap) <= 0)
        return;
    }
  }
}

/* ---- the command line ---- */

static void read_options(int argc, char **argv) {
  static const struct {
    const char *name;
    long *value, least, most;
  } known[] = {
      {"--clients", &option.clients, 2, 20000}, {"--senders", &option.senders, 1, 999},
      {"--window", &option.window, 1, 65536},   {"--bytes", &option.bytes, 40, 2000},
      {"--warmup", &option.warmup, 0, 600},     {"--seconds", &option.seconds, 1, 600},
      {"--lines", &option.lines, 1, 65536},     {"--rate", &option.rate, 1, 10000},
      {"--concurrency", &option.concurrency, 1, 4096},
  };
  for (int i = 4; i < argc; i++) {
    size_t k = 0, count = sizeof known / sizeof *known;
    if (strcmp(argv[i], "--close") == 0) {
      option.close = 1;
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
  bool is_saturate = strcmp(mode, "saturate") == 0, is_idle = strcmp(mode, "idle") == 0;
  if (argc < 4 || !(is_saturate || is_idle || strcmp(mode, "joins") == 0))
    die("usage: load saturate|idle|joins HOST PORT [options]");
  option.clients = is_saturate ? 90 : is_idle ? 9000 : 10000;
  read_options(argc, argv);
  if (is_saturate && option.senders > option.clients)
    die("more senders than clients");
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(argv[3]));
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
    die("not an IPv4 address: %s", argv[2]);

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if ((rlim_t)option.clients + 16 > files.rlim_cur)
    die("%ld clients need more descriptors than %ld", option.clients, (long)files.rlim_cur);

  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0)
    die("epoll_create1: %s", strerror(errno));
  if (is_saturate)
    saturate();
  else if (is_idle)
    idle();
  else
    joins();
  return 0;
}
