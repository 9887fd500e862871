/*
 * pour.c - clients that send the same bytes repeatedly, as fast as the server accepts them.
 *
 *   pour HOST PORT SECONDS CLIENTS SIZE HEX [HEX]...
 *
 * Each client sends the bytes of one HEX, chosen by its number, in packets of SIZE bytes, 0 for as many as fit. What
 * the server sends is discarded; clients that are closed reconnect. The result is one line of JSON: how many bytes
 * the kernel has taken, and how many connections were cut. HOST is an IPv4 address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, PACKETS_A_TURN = 64 };

struct pattern {
  unsigned char *bytes;
  size_t length;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Repeats the bytes to send many in one write; the length stays a multiple of theirs. */
static struct pattern pattern_of(const char *hex) {
  size_t one = strlen(hex) / 2, times = one < CHUNK ? CHUNK / one : 1;
  struct pattern p = {malloc(one * times), one * times};
  for (size_t i = 0; i < one; i++) {
    unsigned byte;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
      fprintf(stderr, "pour: not hex: %s\n", hex), exit(2);
    for (size_t n = 0; n < times; n++)
      p.bytes[n * one + i] = (unsigned char)byte;
  }
  return p;
}

static int dial(const struct sockaddr_in *to) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) < 0)
    perror("pour: connect"), exit(1);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 7)
    return fprintf(stderr, "pour HOST PORT SECONDS CLIENTS SIZE HEX...\n"), 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
    return fprintf(stderr, "pour: not an IPv4 address: %s\n", argv[1]), 2;
  static char trash[CHUNK];
  long clients = atol(argv[4]), kinds = argc - 6, cuts = 0;
  size_t size = (size_t)atol(argv[5]);
  struct pattern *patterns = calloc((size_t)kinds, sizeof *patterns);
  for (long i = 0; i < kinds; i++)
    patterns[i] = pattern_of(argv[6 + i]);
  struct pollfd *polled = calloc((size_t)clients, sizeof *polled);
  size_t *sent = calloc((size_t)clients, sizeof *sent);
  for (long i = 0; i < clients; i++)
    polled[i] = (struct pollfd){.fd = dial(&to), .events = POLLIN | POLLOUT};
  double begun = now(), end = begun + atof(argv[3]), bytes = 0;
  while (now() < end) {
    if (poll(polled, (nfds_t)clients, 100) <= 0)
      continue;
    for (long i = 0; i < clients; i++) {
      const struct pattern *p = &patterns[i % kinds];
      int cut = 0;
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t got = recv(polled[i].fd, trash, CHUNK, MSG_DONTWAIT);
        cut = got == 0 || (got < 0 && errno != EAGAIN);
      }
      for (int n = 0; !cut && (polled[i].revents & POLLOUT) && n < (size ? PACKETS_A_TURN : 1); n++) {
        size_t from = sent[i] % p->length, left = p->length - from;
        ssize_t done = send(polled[i].fd, p->bytes + from, size && size < left ? size : left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0) {
          cut = errno != EAGAIN;
          break;
        }
        sent[i] += (size_t)done;
        bytes += (double)done;
      }
      if (cut) {
        cuts++;
        close(polled[i].fd);
        polled[i].fd = dial(&to);
        sent[i] = 0;
      }
    }
  }
  printf("{\"bytes\":%.0f,\"seconds\":%.3f,\"cuts\":%ld}\n", bytes, now() - begun, cuts);
  return 0;
}
