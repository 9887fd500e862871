/*
 * crowd.c - one client sends at a steady rate, and the others check every line.
 *
 *   crowd HOST PORT --clients 150 --rate 300 --bytes 1000 --seconds 15
 *
 * The first client speaks. When everyone can hear it, "ready" is printed; a line on standard input starts the measured
 * part. When all lines have arrived, or none has for some seconds, "said" is printed; then the clients go on reading
 * until standard input is closed. The result is one line of JSON. Lines of others with the word "churn" are
 * counted for each client. HOST is an IPv4 address; latencies are from writing a line to reading it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long long u64;

enum { CHUNK = 256 * 1024, LINE = 8192, HELLO_INTERVAL = 50, HELLO_WAIT = 10000, PATIENCE = 5000 };

struct client {
  int fd, heard, length, closed;
  long next, churn;
  char line[LINE];
};

static long clients = 150, rate = 300, bytes = 1000, seconds = 15;
static struct client *all;
static struct pollfd *polled;
static unsigned *latencies;
static long received, lost, repeated, capacity, total;
static char *outgoing;
static size_t out_length;
static long arrived_at;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static u64 now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static long now_ms(void) { return (long)(now_ns() / 1000000u); }

/* A line as "…!00000042 00000000000012345678 padding". */
static void take_line(struct client *c, const char *line) {
  if (strstr(line, "hello ")) {
    c->heard = 1;
    return;
  }
  if (strstr(line, "churn ")) {
    c->churn++;
    return;
  }
  const char *mark = strstr(line, " !");
  if (!mark || strlen(mark) < 31)
    return;
  long number = strtol(mark + 2, NULL, 10);
  u64 sent = strtoull(mark + 11, NULL, 10);
  if (number < c->next) {
    repeated++;
    return;
  }
  lost += number - c->next;
  c->next = number + 1;
  received++;
  arrived_at = now_ms();
  if (total < capacity)
    latencies[total++] = (unsigned)((now_ns() - sent) / 1000u);
}

static void take(struct client *c, const char *chunk, ssize_t length) {
  for (const char *end; length > 0;) {
    end = memchr(chunk, '\n', (size_t)length);
    size_t part = end ? (size_t)(end - chunk) : (size_t)length;
    size_t space = LINE - 1 - (size_t)c->length;
    memcpy(c->line + c->length, chunk, part < space ? part : space);
    c->length += (int)(part < space ? part : space);
    chunk += part + (end != NULL);
    length -= (ssize_t)part + (end != NULL);
    if (!end)
      return;
    c->line[c->length] = 0;
    take_line(c, c->line);
    c->length = 0;
  }
}

static void flush(void) {
  while (out_length > 0) {
    ssize_t done = send(all[0].fd, outgoing, out_length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done <= 0)
      return;
    out_length -= (size_t)done;
    memmove(outgoing, outgoing + done, out_length);
  }
}

static void say(const char *text, size_t length) {
  memcpy(outgoing + out_length, text, length);
  out_length += length;
  flush();
}

/* Reads what is available, waiting at most that many milliseconds; returns whether standard input has data. */
static int turn(int timeout) {
  static char chunk[CHUNK];
  polled[0].events = POLLIN | (out_length > 0 ? POLLOUT : 0);
  if (poll(polled, (nfds_t)clients + 1, timeout) <= 0)
    return 0;
  if (polled[0].revents & POLLOUT)
    flush();
  for (long i = 0; i < clients; i++) {
    if (!(polled[i].revents & (POLLIN | POLLHUP | POLLERR)))
      continue;
    ssize_t got = recv(all[i].fd, chunk, CHUNK, MSG_DONTWAIT);
    if (got > 0)
      take(&all[i], chunk, got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      all[i].closed = 1, polled[i].fd = -1;
  }
  return polled[clients].revents != 0;
}

static void meet(void) {
  long deadline = now_ms() + HELLO_WAIT;
  for (long tries = 0, heard = 1; heard < clients; tries++) {
    if (now_ms() > deadline)
      fprintf(stderr, "crowd: only %ld of %ld hear the speaker\n", heard, clients), exit(1);
    char hello[64];
    say(hello, (size_t)sprintf(hello, "hello %ld\n", tries));
    for (long until = now_ms() + HELLO_INTERVAL; now_ms() < until;)
      turn((int)(until - now_ms()));
    heard = 1;
    for (long i = 1; i < clients; i++)
      heard += all[i].heard;
  }
}

static int by_size(const void *a, const void *b) {
  unsigned left = *(const unsigned *)a, right = *(const unsigned *)b;
  return (left > right) - (left < right);
}

static unsigned percentile(double share) {
  return total ? latencies[(long)((double)(total - 1) * share)] : 0;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return fprintf(stderr, "crowd HOST PORT [--clients N] [--rate N] [--bytes N] [--seconds N]\n"), 2;
  for (int i = 3; i + 1 < argc; i += 2) {
    long value = atol(argv[i + 1]);
    if (!strcmp(argv[i], "--clients"))
      clients = value;
    else if (!strcmp(argv[i], "--rate"))
      rate = value;
    else if (!strcmp(argv[i], "--bytes"))
      bytes = value;
    else if (!strcmp(argv[i], "--seconds"))
      seconds = value;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
    return fprintf(stderr, "crowd: not an IPv4 address: %s\n", argv[1]), 2;

  long lines = rate * seconds;
  capacity = lines * (clients - 1);
  all = calloc((size_t)clients, sizeof *all);
  polled = calloc((size_t)clients + 1, sizeof *polled);
  latencies = calloc((size_t)capacity, sizeof *latencies);
  outgoing = malloc((size_t)(lines * bytes) + 65536);
  if (!all || !polled || !latencies || !outgoing)
    fail("crowd: memory");
  for (long i = 0; i < clients; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
      fail("crowd: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    all[i].fd = fd;
    polled[i] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  /* Ignore standard input for now. */
  polled[clients] = (struct pollfd){.fd = -1, .events = POLLIN};
  meet();
  printf("ready\n");
  fflush(stdout);
  char word[16];
  polled[clients].fd = 0;
  while (!turn(1000))
    ;
  if (read(0, word, sizeof word) <= 0)
    return 1;
  polled[clients].fd = -1;

  char *line = malloc((size_t)bytes + 64);
  if (!line)
    fail("crowd: memory");
  u64 begun = now_ns();
  arrived_at = now_ms();
  for (long number = 0; number < lines;) {
    u64 due = begun + (u64)number * 1000000000u / (u64)rate;
    u64 now = now_ns();
    if (now < due) {
      turn((int)((due - now) / 1000000u));
      continue;
    }
    int head = sprintf(line, " !%08ld %020llu ", number, now);
    memset(line + head, 'x', (size_t)(bytes - head - 1));
    line[bytes - 1] = '\n';
    say(line, (size_t)bytes);
    number++;
    turn(0);
  }
  while (received + lost < capacity && now_ms() - arrived_at < PATIENCE)
    turn(100);
  double took = (double)(now_ns() - begun) / 1e9;
  printf("said\n");
  fflush(stdout);
  polled[clients].fd = 0;
  for (;;) {
    if (turn(1000) && read(0, word, sizeof word) <= 0)
      break;
  }
  for (long quiet = now_ms() + 300; now_ms() < quiet;)
    turn(100);

  long closed = 0, churn_least = -1, churn_most = 0;
  for (long i = 0; i < clients; i++) {
    closed += all[i].closed;
    if (i > 0)
      lost += lines - all[i].next;
    if (churn_least < 0 || all[i].churn < churn_least)
      churn_least = all[i].churn;
    if (all[i].churn > churn_most)
      churn_most = all[i].churn;
  }
  qsort(latencies, (size_t)total, sizeof *latencies, by_size);
  printf("{\"expected\":%ld,\"received\":%ld,\"lost\":%ld,\"repeated\":%ld,\"closed\":%ld,\"seconds\":%.3f,"
         "\"p50us\":%u,\"p99us\":%u,\"maxus\":%u,\"churnLeast\":%ld,\"churnMost\":%ld}\n",
         capacity, received, lost, repeated, closed, took, percentile(0.5), percentile(0.99), percentile(1),
         churn_least, churn_most);
  return 0;
}
