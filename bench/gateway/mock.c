/* A model provider that costs next to nothing: one thread, epoll, HTTP/1.1 with keep-alive.

       mock PORT [latency_ms=0] [chunks=32] [interval_ms=0]

   POST /v1/chat/completions and /v1/messages answer JSON, or server-sent events where the body has
   "stream":true; POST /v1/embeddings answers a vector. The first byte comes `latency_ms` after the
   request, events `interval_ms` apart. A model whose name has "failing" in it answers 500, and one with
   "breaking" closes the connection in the middle of its answer. POST /control with the same words as body changes them while
   it runs; GET /stats counts connections and requests. Any other GET answers 200. */
#define _GNU_SOURCE
#include "wire.h"

enum { OPENAI, ANTHROPIC };

typedef struct Conn {
  int fd, dialect, sent, due_slot;
  bool busy, streaming, usage, closing, blocked, dead, failing, breaking;
  int64_t due_ns;
  Buffer in, out;
} Conn;

static struct {
  int latency_ms, chunks, interval_ms;
} set = {0, 32, 0};

static struct {
  long connections, open, most_open, requests, streams, cancelled;
} seen;

static int epoll, timer;
static Conn **due;  // a binary heap of connections by due_ns
static int waiting, room;

/* Answers, made once. */
static Buffer chat, message, vector;
static const char MODELS[] = "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\"}]}";
static const char WORDS[] =
    "The order left the warehouse on Tuesday and the carrier has scanned it twice since then. It is "
    "expected at the address on file by Friday noon; someone has to sign for it. ";

static void make_answers(void) {
  Buffer text = {0};
  for (int i = 0; i < 6; i++) append(&text, WORDS, strlen(WORDS));
  char body[4096];
  int length = sprintf(body,
      "{\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion\",\"created\":1767225600,"
      "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
      "\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
      "\"usage\":{\"prompt_tokens\":420,\"completion_tokens\":210,\"total_tokens\":630},"
      "\"system_fingerprint\":\"fp_mock\"}", text.bytes);
  append(&chat, body, length);
  length = sprintf(body,
      "{\"id\":\"msg_mock0123456789\",\"type\":\"message\",\"role\":\"assistant\","
      "\"model\":\"mock-model\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
      "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
      "\"usage\":{\"input_tokens\":420,\"output_tokens\":210}}", text.bytes);
  append(&message, body, length);
  append(&vector, body, sprintf(body, "{\"object\":\"list\",\"model\":\"mock-model\",\"data\":[{"
      "\"object\":\"embedding\",\"index\":0,\"embedding\":[0.01"));
  for (int i = 1; i < 256; i++) append(&vector, body, sprintf(body, ",%.4f", (i - 128) / 1000.0));
  append(&vector, body, sprintf(body, "]}],\"usage\":{\"prompt_tokens\":420,\"total_tokens\":420}}"));
}

/* The heap. */
static void place(Conn *conn, int slot) { due[slot] = conn, conn->due_slot = slot; }

static void sift(int slot) {
  Conn *conn = due[slot];
  for (int up; slot > 0 && due[up = (slot - 1) / 2]->due_ns > conn->due_ns; slot = up)
    place(due[up], slot);
  for (int down; (down = 2 * slot + 1) < waiting; slot = down) {
    if (down + 1 < waiting && due[down + 1]->due_ns < due[down]->due_ns) down++;
    if (due[down]->due_ns >= conn->due_ns) break;
    place(due[down], slot);
  }
  place(conn, slot);
}

static void schedule(Conn *conn, int64_t at_ns) {
  if (waiting == room) due = realloc(due, (room = 2 * room + 64) * sizeof *due);
  conn->due_ns = at_ns;
  place(conn, waiting++);
  sift(waiting - 1);
}

static void unschedule(Conn *conn) {
  int slot = conn->due_slot;
  conn->due_slot = -1;
  if (slot != --waiting) {
    place(due[waiting], slot);
    sift(slot);
  }
}

/* Writing. */
static void end(Conn *conn) {
  if (conn->dead) return;
  conn->dead = true;
  if (conn->due_slot >= 0) unschedule(conn);
  seen.cancelled += conn->busy;
  seen.open--;
  close(conn->fd);
}

static void flush(Conn *conn) {
  while (conn->out.length) {
    ssize_t wrote = send(conn->fd, conn->out.bytes, conn->out.length, MSG_NOSIGNAL);
    if (wrote < 0) {
      if (errno != EAGAIN) return end(conn);
      if (!conn->blocked) watch(epoll, EPOLL_CTL_MOD, conn->fd, EPOLLIN | EPOLLOUT, conn);
      conn->blocked = true;
      return;
    }
    consume(&conn->out, wrote);
  }
  if (conn->blocked) watch(epoll, EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
  conn->blocked = false;
  if (conn->closing && !conn->busy) end(conn);
}

static void answer(Conn *conn, const char *body, size_t length) {
  char head[256];
  append(&conn->out, head, sprintf(head,
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_mock\r\n"
      "content-length: %zu\r\n\r\n", length));
  append(&conn->out, body, length);
  conn->busy = false;
}

static void fail(Conn *conn) {
  static const char told[] = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n"
      "content-length: 45\r\n\r\n{\"error\":{\"message\":\"boom\",\"type\":\"mocked\"}} ";
  append(&conn->out, told, sizeof told - 1);
  conn->busy = conn->streaming = false;
}

/* Close before the end of the answer. */
static void break_off(Conn *conn) {
  conn->busy = conn->streaming = false;
  conn->closing = true;
}

/* One event in one HTTP chunk. */
static void event(Conn *conn, const char *name, const char *data) {
  char text[1024], head[16];
  int length = name ? sprintf(text, "event: %s\ndata: %s\n\n", name, data) : sprintf(text, "data: %s\n\n", data);
  append(&conn->out, head, sprintf(head, "%x\r\n", length));
  append(&conn->out, text, length);
  append(&conn->out, "\r\n", 2);
}

#define CHUNK "{\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion.chunk\"," \
  "\"created\":1767225600,\"model\":\"mock-model\",\"choices\":["

static void openai_event(Conn *conn) {
  if (conn->sent == 0)
    event(conn, NULL, CHUNK "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"The \"},"
                            "\"finish_reason\":null}]}");
  else
    event(conn, NULL, CHUNK "{\"index\":0,\"delta\":{\"content\":\"order \"},\"finish_reason\":null}]}");
}

static void openai_end(Conn *conn) {
  event(conn, NULL, CHUNK "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
  char usage[512];
  sprintf(usage, CHUNK "],\"usage\":{\"prompt_tokens\":420,\"completion_tokens\":%d,\"total_tokens\":%d}}",
          set.chunks, 420 + set.chunks);
  if (conn->usage) event(conn, NULL, usage);
  event(conn, NULL, "[DONE]");
}

static void anthropic_event(Conn *conn) {
  if (conn->sent == 0) {
    event(conn, "message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_mock0123456789\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\",\"content\":[],"
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":420,\"output_tokens\":1}}}");
    event(conn, "content_block_start", "{\"type\":\"content_block_start\",\"index\":0,"
        "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
  }
  event(conn, "content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,"
      "\"delta\":{\"type\":\"text_delta\",\"text\":\"order \"}}");
}

static void anthropic_end(Conn *conn) {
  char usage[256];
  sprintf(usage, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
      "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}", set.chunks);
  event(conn, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
  event(conn, "message_delta", usage);
  event(conn, "message_stop", "{\"type\":\"message_stop\"}");
}

/* The next event of a stream, and its end after the last one. */
static void step(Conn *conn) {
  conn->dialect == OPENAI ? openai_event(conn) : anthropic_event(conn);
  if (++conn->sent < set.chunks) return;
  conn->dialect == OPENAI ? openai_end(conn) : anthropic_end(conn);
  append(&conn->out, "0\r\n\r\n", 5);
  conn->busy = conn->streaming = false;
}

static void take_turn(Conn *conn) {
  if (conn->failing) return fail(conn);
  if (conn->breaking && (!conn->streaming || conn->sent > set.chunks / 2)) return break_off(conn);
  if (!conn->streaming) {
    const Buffer *body = conn->dialect == OPENAI ? &chat : &message;
    return answer(conn, body->bytes, body->length);
  }
  if (conn->sent == 0) {
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        "cache-control: no-cache\r\nx-request-id: req_mock\r\ntransfer-encoding: chunked\r\n\r\n";
    append(&conn->out, head, sizeof head - 1);
  }
  do step(conn); while (conn->busy && !set.interval_ms && !conn->breaking);
  if (conn->busy) schedule(conn, conn->due_ns + set.interval_ms * MS);
}

/* Reading. */
static void ask(Conn *conn, int dialect, const char *body, size_t length) {
  seen.requests++;
  conn->dialect = dialect, conn->sent = 0, conn->busy = true;
  conn->streaming = wants_stream(body, length);
  conn->usage = memmem(body, length, "\"include_usage\"", 15);
  conn->failing = memmem(body, length < 200 ? length : 200, "failing", 7);
  conn->breaking = memmem(body, length < 200 ? length : 200, "breaking", 8);
  seen.streams += conn->streaming;
  conn->due_ns = now_ns();
  if (set.latency_ms) schedule(conn, conn->due_ns + set.latency_ms * MS);
  else take_turn(conn);
}

static void control(Conn *conn, const char *body, size_t length) {
  char text[256] = {0};
  memcpy(text, body, length < 255 ? length : 255);
  for (char *word = strtok(text, "& \n"); word; word = strtok(NULL, "& \n")) {
    sscanf(word, "latency_ms=%d", &set.latency_ms);
    sscanf(word, "chunks=%d", &set.chunks);
    sscanf(word, "interval_ms=%d", &set.interval_ms);
  }
  answer(conn, "{}", 2);
}

static void stats(Conn *conn) {
  char text[512];
  int length = sprintf(text,
      "{\"connections\":%ld,\"open\":%ld,\"most_open\":%ld,\"requests\":%ld,\"streams\":%ld,\"cancelled\":%ld}",
      seen.connections, seen.open, seen.most_open, seen.requests, seen.streams, seen.cancelled);
  seen.most_open = seen.open;
  answer(conn, text, length);
}

static void dispatch(Conn *conn, const char *head, const char *body, size_t length) {
  const char *path = strchr(head, ' ') + 1;
  if (strstr(path, "/chat/completions") == path + 3) ask(conn, OPENAI, body, length);
  else if (!strncmp(path, "/v1/messages", 12)) ask(conn, ANTHROPIC, body, length);
  else if (!strncmp(path, "/v1/embeddings", 14)) seen.requests++, answer(conn, vector.bytes, vector.length);
  else if (!strncmp(path, "/control", 8)) control(conn, body, length);
  else if (!strncmp(path, "/stats", 6)) stats(conn);
  else answer(conn, MODELS, sizeof MODELS - 1);
}

/* Length of a chunked body from its start, joined in place into `*joined` bytes; 0: not all here. */
static size_t chunked(char *body, size_t length, size_t *joined) {
  for (int join = 0; join < 2; join++) {
    size_t at = 0, kept = 0;
    for (;;) {
      char *line = memmem(body + at, length - at, "\r\n", 2);
      if (!line) return 0;
      size_t size = strtoul(body + at, NULL, 16), data = line + 2 - body;
      if (data + size + 2 > length) return 0;
      if (join) memmove(body + kept, body + data, size);
      kept += size, at = data + size + 2;
      if (!size) break;
    }
    *joined = kept;
    if (join) return at;
  }
  return 0;
}

/* Answer what has arrived whole; the next request waits until the answer to this one is out. */
static void read_requests(Conn *conn) {
  while (!conn->busy && !conn->dead && conn->in.length) {
    char *end_of_head = memmem(conn->in.bytes, conn->in.length, "\r\n\r\n", 4);
    if (!end_of_head) return;
    char *body = end_of_head + 4;
    size_t here = conn->in.length - (body - conn->in.bytes), length = 0, taken = 0;
    const char *value = header(conn->in.bytes, "content-length");
    if (value) {
      taken = length = strtoul(value, NULL, 10);
      if (here < length) return;
    } else if (header(conn->in.bytes, "transfer-encoding")) {
      if (!(taken = chunked(body, here, &length))) return;
    }
    value = header(conn->in.bytes, "connection");
    conn->closing = value && !strncasecmp(value, "close", 5);
    dispatch(conn, conn->in.bytes, body, length);
    consume(&conn->in, body + taken - conn->in.bytes);
    flush(conn);
  }
}

static void readable(Conn *conn) {
  for (;;) {
    char *at = reserve(&conn->in, 65536);
    ssize_t got = recv(conn->fd, at, 65536, 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) end(conn);
      return;
    }
    conn->in.length += got;
    at[got] = 0;
    read_requests(conn);
    if (conn->dead || got < 65536) return;
  }
}

static void accept_all(int listener) {
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
    without_delay(fd);
    Conn *conn = calloc(1, sizeof *conn);
    conn->fd = fd, conn->due_slot = -1;
    watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, conn);
    seen.connections++, seen.open++;
    if (seen.open > seen.most_open) seen.most_open = seen.open;
  }
}

static void run_due(void) {
  for (int64_t now = now_ns(); waiting && due[0]->due_ns <= now;) {
    Conn *conn = due[0];
    unschedule(conn);
    take_turn(conn);
    flush(conn);
    read_requests(conn);
    if (conn->dead) free(conn->in.bytes), free(conn->out.bytes), free(conn);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "mock PORT [latency_ms=N] [chunks=N] [interval_ms=N]\n"), 2;
  for (int i = 2; i < argc; i++) {
    sscanf(argv[i], "latency_ms=%d", &set.latency_ms);
    sscanf(argv[i], "chunks=%d", &set.chunks);
    sscanf(argv[i], "interval_ms=%d", &set.interval_ms);
  }
  make_answers();
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = loopback(atoi(argv[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) die("listen");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  struct epoll_event events[256];
  for (int64_t armed = -1;;) {
    int64_t next = waiting ? due[0]->due_ns : 0;
    if (next != armed) wake_at(timer, armed = next);
    int count = epoll_wait(epoll, events, 256, -1);
    uint64_t fired;
    for (int i = 0; i < count; i++) {
      Conn *conn = events[i].data.ptr;
      if ((void *)conn == &listener) accept_all(listener);
      else if ((void *)conn == &timer) armed = read(timer, &fired, 8) == 8 ? -1 : armed;
      else {
        if (events[i].events & EPOLLOUT) flush(conn);
        if (!conn->dead) readable(conn);
        if (conn->dead) free(conn->in.bytes), free(conn->out.bytes), free(conn);
      }
    }
    run_due();
  }
}
