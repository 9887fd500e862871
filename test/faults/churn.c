/*
 * churn.c - clients that join and leave, in five ways by turns.
 *
 *   churn HOST PORT COUNT [CONCURRENCY]
 *
 *   0  waits for its greeting and closes              3  ends its input when greeted, and reads to the end
 *   1  resets the connection as soon as it is open     4  says /quit when greeted, and reads to the end
 *   2  says a line and resets the connection at once
 *
 * One in ten of those that end their input sends a line first. If all did, the load would be the deliveries of these
 * lines, not the joining and leaving.
 *
 * The result is one line of JSON: how many connected, how many lines were sent, and how many failed.
 * HOST is an IPv4 address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SILENT, RESETS, TALKS_AND_RESETS, HALF_CLOSES, QUITS, KINDS };
enum { CONNECTING, GREETING, LEAVING };
enum { TALKATIVE = 10 * KINDS };
enum { MOST = 1024, WAIT = 20000, SEEN = 8192 };

struct visit {
  int fd, kind, state, seen_length;
  long number, began;
  char seen[SEEN];
};

static struct visit visits[MOST];
static struct pollfd polled[MOST];
static long concurrency = 128, dialled, spoken, failed, done;

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void end(long slot, int went_wrong) {
  close(visits[slot].fd);
  polled[slot].fd = -1;
  failed += went_wrong;
  done++;
}

static void dial(long slot, const struct sockaddr_in *to) {
  struct visit *v = &visits[slot];
  v->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (v->fd < 0)
    perror("churn: socket"), exit(1);
  v->kind = (int)(dialled % KINDS);
  v->number = dialled++;
  v->state = CONNECTING;
  v->seen_length = 0;
  v->began = now_ms();
  polled[slot] = (struct pollfd){.fd = v->fd, .events = POLLOUT};
  if (connect(v->fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
    perror("churn: connect"), exit(1);
}

static void reset(long slot) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (visits[slot].kind == TALKS_AND_RESETS)
    send(visits[slot].fd, "for nobody\n", 11, MSG_NOSIGNAL);
  setsockopt(visits[slot].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end(slot, 0);
}

static void greeted(long slot) {
  struct visit *v = &visits[slot];
  if (v->kind == SILENT)
    return end(slot, 0);
  int talks = v->number % TALKATIVE == HALF_CLOSES, length = 0;
  char text[64];
  if (talks)
    length = sprintf(text, "churn %ld\n", v->number);
  if (v->kind == QUITS)
    length = sprintf(text, "/quit\n");
  if (length > 0 && send(v->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
    return end(slot, 1);
  if (v->kind == HALF_CLOSES)
    shutdown(v->fd, SHUT_WR);
  spoken += talks;
  v->state = LEAVING;
  v->seen_length = 0;
}

static void readable(long slot) {
  struct visit *v = &visits[slot];
  /* Only the end matters: lines of others in between are discarded. */
  if (v->seen_length > SEEN / 2) {
    memmove(v->seen, v->seen + v->seen_length - 256, 256);
    v->seen_length = 256;
  }
  ssize_t got = recv(v->fd, v->seen + v->seen_length, (size_t)(SEEN - 1 - v->seen_length), 0);
  if (got < 0)
    return errno == EAGAIN ? (void)0 : end(slot, 1);
  if (got == 0)
    return end(slot, v->state != LEAVING);
  v->seen_length += (int)got;
  v->seen[v->seen_length] = 0;
  if (v->state == GREETING && strstr(v->seen, "client id: "))
    greeted(slot);
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "churn HOST PORT COUNT [CONCURRENCY]\n"), 2;
  long count = atol(argv[3]);
  if (argc > 4)
    concurrency = atol(argv[4]);
  if (concurrency > MOST)
    concurrency = MOST;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
    return fprintf(stderr, "churn: not an IPv4 address: %s\n", argv[1]), 2;
  for (long slot = 0; slot < concurrency; slot++)
    polled[slot].fd = -1;
  long begun = now_ms();
  while (done < count) {
    for (long slot = 0; slot < concurrency && dialled < count; slot++) {
      if (polled[slot].fd < 0)
        dial(slot, &to);
    }
    poll(polled, (nfds_t)concurrency, 1000);
    long now = now_ms();
    for (long slot = 0; slot < concurrency; slot++) {
      struct visit *v = &visits[slot];
      if (polled[slot].fd < 0)
        continue;
      if (v->state == CONNECTING && (polled[slot].revents & POLLOUT)) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(v->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
          end(slot, 1);
        } else if (v->kind == RESETS || v->kind == TALKS_AND_RESETS) {
          reset(slot);
        } else {
          v->state = GREETING;
          polled[slot].events = POLLIN;
        }
      } else if (polled[slot].revents) {
        readable(slot);
      } else if (now - v->began > WAIT) {
        end(slot, 1);
      }
    }
  }
  double took = (double)(now_ms() - begun) / 1000;
  printf("{\"dialled\":%ld,\"spoken\":%ld,\"failed\":%ld,\"seconds\":%.3f}\n", dialled, spoken, failed, took);
  return 0;
}
