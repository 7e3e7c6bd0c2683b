/* What the mock upstream and the load generator share: time, buffers, header lines, connections. */
#ifndef WIRE_H
#define WIRE_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL

static inline int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

typedef struct {
  char *bytes;
  size_t length, room;
} Buffer;

static inline char *reserve(Buffer *buffer, size_t more) {
  if (buffer->length + more + 1 > buffer->room) {
    buffer->room = 2 * (buffer->length + more + 1);
    buffer->bytes = realloc(buffer->bytes, buffer->room);
    if (!buffer->bytes) die("realloc");
  }
  return buffer->bytes + buffer->length;
}

static inline void append(Buffer *buffer, const void *bytes, size_t length) {
  memcpy(reserve(buffer, length), bytes, length);
  buffer->length += length;
  buffer->bytes[buffer->length] = 0;
}

static inline void consume(Buffer *buffer, size_t length) {
  memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
  buffer->length -= length;
  buffer->bytes[buffer->length] = 0;
}

/* Value of a header in a head that ends with an empty line; NULL where it is not there. */
static inline const char *header(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
    if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
      const char *value = line + 3 + length;
      while (*value == ' ') value++;
      return value;
    }
  return NULL;
}

static inline bool wants_stream(const char *body, size_t length) {
  return memmem(body, length, "\"stream\":true", 13) || memmem(body, length, "\"stream\": true", 14);
}

static inline void without_delay(int fd) {
  int on = 1;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* Let a timerfd fire at a monotonic time; 0 disarms it. */
static inline void wake_at(int timer, int64_t at_ns) {
  struct itimerspec when = {.it_value = {at_ns / 1000000000LL, at_ns % 1000000000LL}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static inline void watch(int epoll, int op, int fd, uint32_t events, void *about) {
  struct epoll_event event = {.events = events, .data.ptr = about};
  if (epoll_ctl(epoll, op, fd, &event)) die("epoll_ctl");
}

#endif
