/*
 * hold.c - many clients that stay connected and never read.
 *
 *   hold HOST PORT COUNT [RCVBUF]
 *
 * Connects COUNT clients, with a receive buffer of RCVBUF bytes if given, and waits until each has been sent
 * something. Prints a line of JSON, and then reads nothing until its standard input is closed. Then reads everything available
 * for a few seconds, and prints how many connections the server had closed. HOST is an IPv4 address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GREETING_WAIT = 5000, DRAIN_WAIT = 4000, CHUNK = 256 * 1024 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "hold HOST PORT COUNT [RCVBUF]\n"), 2;
  int count = atoi(argv[3]);
  int room = argc > 4 ? atoi(argv[4]) : 0;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
    return fprintf(stderr, "hold: not an IPv4 address: %s\n", argv[1]), 2;

  struct pollfd *all = calloc((size_t)count, sizeof *all);
  char *chunk = malloc(CHUNK);
  if (!all || !chunk)
    fail("hold: memory");
  long greeted = 0;
  for (int i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
      fail("hold: socket");
    if (room)
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
      fail("hold: connect");
    all[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    /* A hundred at a time, so that no accept queue overflows. */
    if (i % 100 != 99 && i != count - 1)
      continue;
    for (int k = i - i % 100; k <= i; k++)
      greeted += poll(&all[k], 1, GREETING_WAIT) > 0;
  }
  printf("{\"connected\":%d,\"greeted\":%ld}\n", count, greeted);
  fflush(stdout);

  while (read(0, chunk, CHUNK) > 0)
    ;
  long ended = 0, open = count;
  double bytes = 0;
  long deadline = now_ms() + DRAIN_WAIT;
  while (open > 0 && now_ms() < deadline && poll(all, (nfds_t)count, 500) > 0) {
    for (int i = 0; i < count; i++) {
      if (all[i].fd < 0 || !all[i].revents)
        continue;
      ssize_t got = recv(all[i].fd, chunk, CHUNK, MSG_DONTWAIT);
      if (got > 0) {
        bytes += (double)got;
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        ended++;
        open--;
        all[i].fd = -1;
      }
    }
  }
  printf("{\"ended\":%ld,\"bytes\":%.0f}\n", ended, bytes);
  return 0;
}
