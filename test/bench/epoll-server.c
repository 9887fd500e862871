/*
 * epoll-server.c - a chat server in C, the yardstick of the benchmarks.
 *
 * It speaks the host's protocol and does nothing else: a client is greeted with
 * two lines, and each line it sends goes to all the others as "(IP:PORT) text".
 * The lines of one epoll round are collected in one shared batch, and each
 * client is sent that batch with one call, its own lines cut out.
 *
 *   epoll-server [--per-line] PORT
 *
 * --per-line makes one call for each line and recipient instead. The server
 * listens on 127.0.0.1, prints "listening PORT", and runs until SIGTERM or
 * SIGINT.
 *
 * License: MIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  MAX_CLIENTS = 12000,
  MAX_EVENTS = 4096,
  MAX_LINE = 64 * 1024,
  READ_SIZE = 64 * 1024,
  LISTEN_BACKLOG = 4096,
};
/* A client with this backlog is cut off: memory stays bounded. */
static const size_t MAX_PENDING = 64u * 1024 * 1024;

struct buffer {
  char *data;
  size_t length, capacity;
};

struct client {
  int fd;
  int slot; /* its place in clients[] */
  bool dead, waiting;
  int id_length;
  char id[24];
  struct buffer partial; /* the start of a line whose end has not arrived yet */
  struct buffer pending; /* what the socket would not take */
  size_t pending_sent;
  /* Its own lines are batch[own_start, own_end), if own_batch is the current
     batch. They lie together because a client is read once a round. */
  uint64_t own_batch;
  size_t own_start, own_end;
};

static struct client *clients[MAX_CLIENTS];
static int client_count;
static struct client *dead[MAX_CLIENTS];
static int dead_count;
static struct buffer batch;
static uint64_t batch_number = 1;
static int poller;
static bool per_line;
static volatile sig_atomic_t stopping;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static char *reserve(struct buffer *b, size_t more) {
  if (b->length + more > b->capacity) {
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity < b->length + more)
      capacity *= 2;
    b->data = realloc(b->data, capacity);
    if (!b->data)
      die("realloc");
    b->capacity = capacity;
  }
  return b->data + b->length;
}

static void append(struct buffer *b, const char *data, size_t length) {
  if (length == 0)
    return;
  memcpy(reserve(b, length), data, length);
  b->length += length;
}

static void release(struct buffer *b) {
  free(b->data);
  *b = (struct buffer){0};
}

/* Closing waits for the end of the round: until then other events may name the
   client, and its descriptor must not be given to a new one. */
static void kill_client(struct client *c) {
  if (c->dead)
    return;
  c->dead = true;
  dead[dead_count++] = c;
}

static void bury_dead(void) {
  while (dead_count > 0) {
    struct client *c = dead[--dead_count];
    close(c->fd);
    clients[c->slot] = clients[--client_count];
    clients[c->slot]->slot = c->slot;
    release(&c->partial);
    release(&c->pending);
    free(c);
  }
}

static void watch(struct client *c, bool for_writing) {
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  if (for_writing)
    e.events |= EPOLLOUT;
  c->waiting = for_writing;
  if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e) < 0)
    die("epoll_ctl");
}

/* Sends two pieces (either may be empty) and keeps what the socket refuses. */
static void send_pieces(struct client *c, const char *a, size_t a_length, const char *b,
                        size_t b_length) {
  size_t total = a_length + b_length, sent = 0;
  if (c->dead || total == 0)
    return;
  if (!c->waiting) {
    struct iovec pieces[2] = {{(void *)a, a_length}, {(void *)b, b_length}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t n;
    if (b_length == 0)
      n = send(c->fd, a, a_length, MSG_NOSIGNAL);
    else if (a_length == 0)
      n = send(c->fd, b, b_length, MSG_NOSIGNAL);
    else
      n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      kill_client(c);
      return;
    }
    sent = n < 0 ? 0 : (size_t)n;
    if (sent == total)
      return;
    watch(c, true);
  }
  if (c->pending.length - c->pending_sent + total - sent > MAX_PENDING) {
    kill_client(c);
    return;
  }
  if (sent < a_length) {
    append(&c->pending, a + sent, a_length - sent);
    append(&c->pending, b, b_length);
  } else {
    append(&c->pending, b + (sent - a_length), total - sent);
  }
}

static void send_pending(struct client *c) {
  struct buffer *p = &c->pending;
  ssize_t n = send(c->fd, p->data + c->pending_sent, p->length - c->pending_sent, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR)
      kill_client(c);
    return;
  }
  c->pending_sent += (size_t)n;
  if (c->pending_sent == p->length) {
    release(p);
    c->pending_sent = 0;
    watch(c, false);
  } else if (c->pending_sent > p->length / 2) {
    /* Moving only if more than half has been sent keeps the moves cheap. */
    p->length -= c->pending_sent;
    memmove(p->data, p->data + c->pending_sent, p->length);
    c->pending_sent = 0;
  }
}

static void flush_batch(void) {
  if (batch.length == 0)
    return;
  for (int i = 0; i < client_count; i++) {
    struct client *c = clients[i];
    if (c->own_batch == batch_number)
      send_pieces(c, batch.data, c->own_start, batch.data + c->own_end, batch.length - c->own_end);
    else
      send_pieces(c, batch.data, batch.length, NULL, 0);
  }
  batch.length = 0;
  batch_number++;
}

static void add_line(struct client *c, const char *text, size_t length) {
  if (length > 0 && text[length - 1] == '\r')
    length--;
  if (c->own_batch != batch_number) {
    c->own_batch = batch_number;
    c->own_start = batch.length;
  }
  char *to = reserve(&batch, length + (size_t)c->id_length + 5);
  *to++ = '(';
  to = mempcpy(to, c->id, (size_t)c->id_length);
  *to++ = ')';
  *to++ = ' ';
  to = mempcpy(to, text, length);
  *to++ = '\r';
  *to++ = '\n';
  batch.length = (size_t)(to - batch.data);
  c->own_end = batch.length;
  if (per_line)
    flush_batch();
}

static void read_client(struct client *c) {
  static char input[MAX_LINE + READ_SIZE];
  size_t kept = c->partial.length;
  if (kept > 0)
    memcpy(input, c->partial.data, kept);
  ssize_t n = read(c->fd, input + kept, READ_SIZE);
  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
      kill_client(c);
    return;
  }
  char *at = input, *end = input + kept + n, *newline;
  while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
    add_line(c, at, (size_t)(newline - at));
    at = newline + 1;
  }
  size_t rest = (size_t)(end - at);
  if (rest > MAX_LINE) {
    kill_client(c);
  } else if (rest > 0) {
    c->partial.length = 0;
    append(&c->partial, at, rest);
  } else if (kept > 0) {
    release(&c->partial);
  }
}

static void greet(struct client *c) {
  char text[80];
  int n = snprintf(text, sizeof text, "multiecho server v1.0\r\nclient id: %s\r\n", c->id);
  send_pieces(c, text, (size_t)n, NULL, 0);
}

static void accept_clients(int listener) {
  for (;;) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN)
        return;
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      die("accept"); /* such as out of descriptors: a benchmark must not continue */
    }
    if (client_count == MAX_CLIENTS) {
      close(fd);
      continue;
    }
    struct client *c = calloc(1, sizeof *c);
    if (!c)
      die("calloc");
    char ip[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
    c->id_length = snprintf(c->id, sizeof c->id, "%s:%d", ip, ntohs(from.sin_port));
    c->fd = fd;
    c->slot = client_count;
    clients[client_count++] = c;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
      die("epoll_ctl");
    greet(c);
  }
}

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
    die("bind");
  if (listen(fd, LISTEN_BACKLOG) < 0)
    die("listen");
  return fd;
}

int main(int argc, char **argv) {
  static struct epoll_event events[MAX_EVENTS];
  int port = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--per-line") == 0)
      per_line = true;
    else
      port = atoi(argv[i]);
  }
  if (port < 1 || port > 65535) {
    fprintf(stderr, "usage: epoll-server [--per-line] PORT\n");
    return 2;
  }

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  /* The signals are let in only while epoll waits, so none can slip in between
     the test of the flag and the wait. */
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t blocked, while_waiting;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, &while_waiting);
  sigdelset(&while_waiting, SIGTERM);
  sigdelset(&while_waiting, SIGINT);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);

  int listener = listen_on(port);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0)
    die("epoll_create1");
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e) < 0)
    die("epoll_ctl");
  printf("listening %d\n", port);
  fflush(stdout);

  while (!stopping) {
    int n = epoll_pwait(poller, events, MAX_EVENTS, -1, &while_waiting);
    if (n < 0 && errno != EINTR)
      die("epoll_pwait");
    bool joining = false;
    for (int i = 0; i < n; i++) {
      struct client *c = events[i].data.ptr;
      if (!c) {
        joining = true;
        continue;
      }
      if (!c->dead && (events[i].events & EPOLLOUT))
        send_pending(c);
      if (!c->dead && (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        read_client(c);
    }
    flush_batch();
    bury_dead();
    /* Last, so that nobody is sent lines from before the greeting. */
    if (joining)
      accept_clients(listener);
  }
  return 0;
}
