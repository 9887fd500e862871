/*
 * endless.c - a line that never ends, as fast as the server accepts it.
 *
 *   endless HOST PORT SECONDS [CONNECTIONS]
 *
 * Whenever the server closes the connection, it reconnects, until the time is over or that many were made. What the
 * server sends is discarded. The result is one line of JSON: how many bytes the kernel took, in how many connections, and the
 * most that one of them took. HOST is an IPv4 address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "endless HOST PORT SECONDS [CONNECTIONS]\n"), 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
    return fprintf(stderr, "endless: not an IPv4 address: %s\n", argv[1]), 2;
  static char chunk[CHUNK], trash[CHUNK];
  memset(chunk, 'x', CHUNK);
  double begun = now(), end = begun + atof(argv[3]);
  double bytes = 0, most = 0;
  long limit = argc > 4 ? atol(argv[4]) : 0, connections = 0, cuts = 0, refused = 0;
  while (now() < end && (limit == 0 || connections < limit)) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
      refused++;
      close(fd);
      poll(NULL, 0, 1);
      continue;
    }
    connections++;
    double sent = 0;
    int cut = 0;
    while (!cut && now() < end) {
      struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};
      poll(&polled, 1, 100);
      if (polled.revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t got = recv(fd, trash, CHUNK, MSG_DONTWAIT);
        cut = got == 0 || (got < 0 && errno != EAGAIN);
      }
      if (!cut && (polled.revents & POLLOUT)) {
        ssize_t done = send(fd, chunk, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0)
          sent += (double)done;
        else
          cut = errno != EAGAIN;
      }
    }
    cuts += cut;
    bytes += sent;
    if (sent > most)
      most = sent;
    close(fd);
  }
  printf("{\"bytes\":%.0f,\"seconds\":%.3f,\"connections\":%ld,\"cuts\":%ld,\"refused\":%ld,\"most\":%.0f}\n", bytes,
         now() - begun, connections, cuts, refused, most);
  return 0;
}
