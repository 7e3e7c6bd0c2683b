/* A load generator that is not the bottleneck: one thread, epoll, one request sent again and again.

       load PORT PATH BODY_FILE [option=value]... [header='name: value']...

   Closed loop: `connections` requests are always under way, for `requests` or `seconds`.
   Open loop: `rate` requests a second; a latency counts from when its request was due.
   `cancel`: percent of the requests given up at the first byte of the body (of a stream), or as
   soon as they are sent (of a request without stream). `limit_s` ends everything.
   An answer counts when its status is 200 and it ends as its framing and its dialect say: a
   stream with [DONE] or message_stop, or with `ending`. Prints one line of JSON. */
#define _GNU_SOURCE
#include "wire.h"

enum { TAIL = 256 };
enum { CLOSED, IDLE, BUSY };
enum { HEAD, LENGTH, SIZE, DATA, DATA_END, TRAILER, TO_CLOSE };

typedef struct Conn {
  int fd, state, part, status, line;
  bool fresh, give_up, answered, keep;
  int64_t due_ns, body_ns;
  size_t written, left, matched;
  char tail[TAIL];
  Buffer head;
  struct Conn *next_idle;
} Conn;

static struct {
  int connections, cancel;
  long requests;
  double seconds, rate, limit_s;
  const char *ending;
} want = {64, 0, 0, 0, 0, 120, NULL};

static struct {
  long started, finished, errors, cancelled, retries, opened, events;
  int64_t *latency_ns, *first_ns, room;
  char first_error[512];
} seen;

static int epoll, port, under_way;
static bool streams;
static Buffer request;
static Conn *idle;
static int64_t started_ns, last_ns, stop_ns;
static uint64_t dice = 88172645463325252ULL;

static bool drawn(int percent) {
  dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
  return (int)(dice % 100) < percent;
}

static void make_request(const char *path, const char *file, char **headers, int count) {
  Buffer body = {0};
  FILE *from = fopen(file, "rb");
  if (!from) die(file);
  for (size_t got; (got = fread(reserve(&body, 65536), 1, 65536, from)) > 0;) body.length += got;
  fclose(from);
  streams = wants_stream(body.bytes, body.length);
  char text[4096];
  append(&request, text, sprintf(text, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n", path, port));
  for (int i = 0; i < count; i++)
    append(&request, text, snprintf(text, sizeof text, "%s\r\n", headers[i]));
  append(&request, text, sprintf(text,
      "content-type: application/json\r\ncontent-length: %zu\r\n\r\n", body.length));
  append(&request, body.bytes, body.length);
}

static void shut(Conn *conn) {
  if (conn->state != CLOSED) close(conn->fd);
  conn->state = CLOSED;
}

static bool dial(Conn *conn) {
  struct sockaddr_in address = loopback(port);
  conn->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(conn->fd, (void *)&address, sizeof address)) return close(conn->fd), false;
  without_delay(conn->fd);
  watch(epoll, EPOLL_CTL_ADD, conn->fd, EPOLLIN, conn);
  conn->state = IDLE, conn->fresh = true;
  seen.opened++;
  return true;
}

static void send_more(Conn *conn) {
  while (conn->written < request.length) {
    ssize_t wrote = send(conn->fd, request.bytes + conn->written, request.length - conn->written, MSG_NOSIGNAL);
    if (wrote < 0) {
      if (errno == EAGAIN) watch(epoll, EPOLL_CTL_MOD, conn->fd, EPOLLIN | EPOLLOUT, conn);
      return;  // an error is seen by the read that follows
    }
    if ((size_t)wrote < request.length && conn->written + wrote == request.length)
      watch(epoll, EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
    conn->written += wrote;
  }
}

static void done(Conn *conn) {
  under_way--;
  last_ns = now_ns();
  conn->next_idle = idle, idle = conn;
}

static void failed(Conn *conn, const char *why) {
  if (!seen.errors++) snprintf(seen.first_error, sizeof seen.first_error, "%s", why);
  shut(conn);
  done(conn);
}

static void start(Conn *conn);

static void give_up(Conn *conn) {
  seen.cancelled++;
  shut(conn);
  done(conn);
}

static void begin(Conn *conn) {
  conn->head.length = conn->written = conn->matched = 0;
  conn->part = HEAD, conn->answered = false, conn->body_ns = 0, conn->line = 0;
  memset(conn->tail, 0, sizeof conn->tail);
  if (conn->state == CLOSED && !dial(conn)) return failed(conn, "cannot connect");
  conn->state = BUSY;
  send_more(conn);
  if (conn->give_up && !streams) give_up(conn);
}

static void start(Conn *conn) {
  seen.started++, under_way++;
  conn->give_up = want.cancel && drawn(want.cancel);
  begin(conn);
}

static bool ends_with(Conn *conn, const char *text) {
  return memmem(conn->tail, TAIL, text, strlen(text));
}

static bool terminated(Conn *conn) {
  if (want.ending) return ends_with(conn, want.ending);
  return ends_with(conn, "[DONE]") || ends_with(conn, "message_stop");
}

static void finished(Conn *conn) {
  int64_t now = now_ns();
  char why[512];
  if (conn->status != 200) {
    snprintf(why, sizeof why, "status %d: %.400s", conn->status, conn->head.bytes);
    return failed(conn, why);
  }
  if (streams && !terminated(conn))
    return failed(conn, "the stream ended without its last event");
  if (seen.finished == seen.room) {
    seen.room = 2 * seen.room + 65536;
    seen.latency_ns = realloc(seen.latency_ns, seen.room * 8);
    seen.first_ns = realloc(seen.first_ns, seen.room * 8);
  }
  seen.latency_ns[seen.finished] = now - conn->due_ns;
  seen.first_ns[seen.finished++] = conn->body_ns - conn->due_ns;
  if (conn->keep) conn->state = IDLE, conn->fresh = false;
  else shut(conn);
  done(conn);
}

/* The answer, as it arrives. */
static void payload(Conn *conn, const char *bytes, size_t length) {
  if (!conn->body_ns) conn->body_ns = now_ns();
  if (conn->status != 200 && conn->head.length < 2000) append(&conn->head, bytes, length < 400 ? length : 400);
  if (!streams) return;
  static const char start_of_event[] = "data:";
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] == '\n') conn->matched = 0;
    else if (conn->matched < 5) {
      conn->matched = bytes[i] == start_of_event[conn->matched] ? conn->matched + 1 : 9;
      seen.events += conn->matched == 5;
    }
  }
  if (length >= TAIL) memcpy(conn->tail, bytes + length - TAIL, TAIL);
  else {
    memmove(conn->tail, conn->tail + length, TAIL - length);
    memcpy(conn->tail + TAIL - length, bytes, length);
  }
}

/* Bytes of the head taken from what arrived. */
static size_t read_head(Conn *conn, const char *bytes, size_t length) {
  size_t before = conn->head.length;
  append(&conn->head, bytes, length);
  char *end = memmem(conn->head.bytes, conn->head.length, "\r\n\r\n", 4);
  if (!end) return length;
  size_t size = end + 4 - conn->head.bytes;
  conn->status = atoi(conn->head.bytes + 9);
  conn->head.length = size;
  conn->head.bytes[size] = 0;
  const char *value = header(conn->head.bytes, "connection");
  conn->keep = !value || strncasecmp(value, "close", 5);
  if ((value = header(conn->head.bytes, "content-length"))) conn->part = LENGTH, conn->left = strtoul(value, NULL, 10);
  else if (header(conn->head.bytes, "transfer-encoding")) conn->part = SIZE, conn->left = 0;
  else conn->part = TO_CLOSE, conn->keep = false;
  return size - before;
}

/* Where a chunk begins or the trailer ends; true when the answer has ended. */
static bool frame(Conn *conn, char byte) {
  if (conn->part == SIZE) {
    if (byte == '\n') {
      conn->part = conn->left ? DATA : TRAILER, conn->line = 0;
    } else if (conn->line != ';' && byte != '\r') {
      if (byte == ';') conn->line = ';';
      else conn->left = conn->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    }
  } else if (conn->part == DATA_END) {
    if (byte == '\n') conn->part = SIZE, conn->left = 0, conn->line = 0;
  } else if (byte == '\n') {
    if (!conn->line) return true;
    conn->line = 0;
  } else if (byte != '\r') conn->line = 1;
  return false;
}

static void take(Conn *conn, const char *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    if (conn->part == HEAD) {
      at += read_head(conn, bytes + at, length - at);
      if (conn->part == LENGTH && !conn->left) return finished(conn);
      continue;
    }
    if (conn->part != LENGTH && conn->part != DATA && conn->part != TO_CLOSE) {
      if (frame(conn, bytes[at++])) return finished(conn);
      continue;
    }
    size_t size = length - at;
    if (conn->part != TO_CLOSE && size > conn->left) size = conn->left;
    payload(conn, bytes + at, size);
    at += size;
    if (conn->give_up) return give_up(conn);
    if (conn->part == TO_CLOSE || (conn->left -= size)) continue;
    if (conn->part == LENGTH) return finished(conn);
    conn->part = DATA_END;
  }
}

static void ended(Conn *conn) {
  if (conn->state == IDLE) return shut(conn);
  if (conn->part == TO_CLOSE) return finished(conn);
  if (!conn->answered && !conn->fresh) {  // closed by the server while idle, as clients do: once more
    seen.retries++;
    shut(conn);
    return begin(conn);
  }
  failed(conn, conn->answered ? "closed in the middle of an answer" : "closed without an answer");
}

static void readable(Conn *conn) {
  static char bytes[262144];
  ssize_t got = recv(conn->fd, bytes, sizeof bytes, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return ended(conn);
  if (conn->state != BUSY) return shut(conn);
  conn->answered = true;
  take(conn, bytes, got);
}

static bool more(int64_t now) {
  if (want.requests) return seen.started < want.requests;
  return now < stop_ns;
}

static Conn *spare(void) {
  Conn *conn = idle;
  if (conn) return idle = conn->next_idle, conn;
  return calloc(1, sizeof *conn);
}

/* Start what is due; the time when more is, 0 when that is for an answer to say. */
static int64_t launch(int64_t now) {
  if (!want.rate) {
    while (under_way < want.connections && more(now)) {
      Conn *conn = spare();
      conn->due_ns = now_ns();
      start(conn);
    }
    return 0;
  }
  for (;;) {
    int64_t due_ns = started_ns + seen.started * 1e9 / want.rate;
    if (due_ns > now || !more(due_ns)) return more(due_ns) ? due_ns : 0;
    Conn *conn = spare();
    conn->due_ns = due_ns;
    start(conn);
  }
}

static int by_size(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static double quantile_ms(const int64_t *sorted, double share) {
  return seen.finished ? sorted[(long)(share * (seen.finished - 1) + 0.5)] / 1e6 : 0;
}

static void report(void) {
  double seconds = (last_ns - started_ns) / 1e9;
  qsort(seen.latency_ns, seen.finished, 8, by_size);
  qsort(seen.first_ns, seen.finished, 8, by_size);
  for (char *c = seen.first_error; *c; c++)
    if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = ' ';
  printf("{\"requests\":%ld,\"seconds\":%.4f,\"rps\":%.2f,\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f,"
         "\"max_ms\":%.4f,\"ttfb_p50_ms\":%.4f,\"ttfb_p99_ms\":%.4f,\"events\":%ld,\"events_per_s\":%.1f,"
         "\"errors\":%ld,\"unfinished\":%d,\"cancelled\":%ld,\"retries\":%ld,\"opened\":%ld,\"first_error\":\"%s\"}\n",
         seen.finished, seconds, seen.finished / seconds, quantile_ms(seen.latency_ns, 0.5),
         quantile_ms(seen.latency_ns, 0.9), quantile_ms(seen.latency_ns, 0.99), quantile_ms(seen.latency_ns, 1),
         quantile_ms(seen.first_ns, 0.5), quantile_ms(seen.first_ns, 0.99), seen.events, seen.events / seconds,
         seen.errors, under_way, seen.cancelled, seen.retries, seen.opened, seen.first_error);
}

static int options(int argc, char **argv, char **headers) {
  int count = 0;
  for (int i = 4; i < argc; i++) {
    sscanf(argv[i], "connections=%d", &want.connections);
    sscanf(argv[i], "requests=%ld", &want.requests);
    sscanf(argv[i], "seconds=%lf", &want.seconds);
    sscanf(argv[i], "rate=%lf", &want.rate);
    sscanf(argv[i], "cancel=%d", &want.cancel);
    sscanf(argv[i], "limit_s=%lf", &want.limit_s);
    if (!strncmp(argv[i], "ending=", 7)) want.ending = argv[i] + 7;
    if (!strncmp(argv[i], "header=", 7) && count < 16) headers[count++] = argv[i] + 7;
  }
  return count;
}

int main(int argc, char **argv) {
  char *headers[16];
  if (argc < 4) return fprintf(stderr, "load PORT PATH BODY_FILE [option=value]...\n"), 2;
  int count = options(argc, argv, headers);
  port = atoi(argv[1]);
  make_request(argv[2], argv[3], headers, count);
  epoll = epoll_create1(0);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  started_ns = last_ns = now_ns();
  stop_ns = started_ns + want.seconds * 1e9;
  int64_t limit_ns = started_ns + want.limit_s * 1e9;
  struct epoll_event events[256];
  for (;;) {
    int64_t next = launch(now_ns());
    if (!under_way && !next) break;
    wake_at(timer, next && next < limit_ns ? next : limit_ns);
    int ready = epoll_wait(epoll, events, 256, -1);
    if (now_ns() > limit_ns) break;
    for (int i = 0; i < ready; i++) {
      Conn *conn = events[i].data.ptr;
      uint64_t fired;
      if ((void *)conn == &timer) fired = read(timer, &fired, 8);
      else {
        if (events[i].events & EPOLLOUT && conn->state == BUSY) send_more(conn);
        if (events[i].events & ~EPOLLOUT && conn->state != CLOSED) readable(conn);
      }
    }
  }
  report();
}
