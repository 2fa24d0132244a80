/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast upstream of the benchmark: one epoll loop that answers POST requests with a fixed whole
 * answer, or, when the body holds "stream":true, with a fixed number of events at a fixed pace. It
 * does as little as an OpenAI-compatible server can do, so that what is measured is the gateway
 * between it and the load. It trusts its clients: not for any other use.
 *
 *   upstream [--port N] [--bytes N] [--events N] [--pace-us N] [--hold]
 *
 * --hold: streams send their first event and then nothing, until the client leaves. Prints the
 * port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (256u << 10)
#define EVENTS_PER_WAIT 256

struct connection {
    int fd;
    size_t len; /* bytes of the request so far */
    char *request;
    unsigned left;  /* events of the stream that is under way */
    int64_t due_ns; /* of the next event */
    struct connection
        *next; /* in the queue of streams, ordered by due_ns: every stream has the same pace */
};

static struct {
    size_t bytes;
    unsigned events;
    int64_t pace_ns;
    bool hold;
} options = {1024, 100, 0, false};

static char *answer;
static size_t answer_len;
static char event_text[512];
static size_t event_len;
static struct connection *queue_first;
static struct connection *queue_last;

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n";
static const char stream_end[] =
    "7b\r\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":300,\"completion_tokens\":99}}      \n\n\r\n"
    "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void make_answer(void)
{
    static const char before[] = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\","
                                 "\"created\":1,\"model\":\"m\",\"choices\":"
                                 "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
    static const char after[] = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":300,"
                                "\"completion_tokens\":200,\"total_tokens\":500}}";
    size_t fixed = sizeof(before) + sizeof(after) - 2;
    size_t text = options.bytes > fixed ? options.bytes - fixed : 1;
    answer = malloc(fixed + text + 256);
    int head = snprintf(
        answer, 256,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        fixed + text, before);
    memset(answer + head, 'x', text);
    memcpy(answer + (size_t)head + text, after, sizeof(after) - 1);
    answer_len = (size_t)head + text + sizeof(after) - 1;
    char data[400];
    int data_len = snprintf(
        data, sizeof(data),
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}\n\n");
    event_len =
        (size_t)snprintf(event_text, sizeof(event_text), "%x\r\n%s\r\n", (unsigned)data_len, data);
}

/* The socket buffer takes what is written here: answers are small and every request waits for its
 * answer. */
static bool put(struct connection *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static void queue_add(struct connection *c)
{
    c->next = NULL;
    *(queue_last == NULL ? &queue_first : &queue_last->next) = c;
    queue_last = c;
}

static void queue_remove(struct connection *c)
{
    struct connection **at = &queue_first;
    struct connection *before = NULL;
    while (*at != NULL && *at != c) {
        before = *at;
        at = &(*at)->next;
    }
    if (*at == c) {
        *at = c->next;
        queue_last = queue_last == c ? before : queue_last;
    }
}

static void close_connection(struct connection *c)
{
    if (c->left > 0) {
        queue_remove(c);
    }
    close(c->fd);
    free(c->request);
    free(c);
}

static bool send_event(struct connection *c)
{
    c->left--;
    return c->left > 0 || options.hold ? put(c, event_text, event_len)
                                       : put(c, stream_end, sizeof(stream_end) - 1);
}

static bool start_stream(struct connection *c)
{
    char first[sizeof(stream_head) + sizeof(event_text)];
    memcpy(first, stream_head, sizeof(stream_head) - 1);
    memcpy(first + sizeof(stream_head) - 1, event_text, event_len);
    if (!put(c, first, sizeof(stream_head) - 1 + event_len)) {
        return false;
    }
    if (options.hold) {
        return true;
    }
    c->left = options.events;
    while (options.pace_ns == 0 && c->left > 0) {
        if (!send_event(c)) {
            c->left = 0;
            return false;
        }
    }
    if (c->left > 0) {
        c->due_ns = now_ns() + options.pace_ns;
        queue_add(c);
    }
    return true;
}

/* Answers every complete request in the buffer; false: the connection is broken. */
static bool answer_requests(struct connection *c)
{
    for (;;) {
        char *end = memmem(c->request, c->len, "\r\n\r\n", 4);
        if (end == NULL) {
            return c->len < REQUEST_MAX;
        }
        size_t head = (size_t)(end - c->request) + 4;
        size_t body = 0;
        for (char *line = c->request; line < end; line++) {
            if (strncasecmp(line, "\ncontent-length:", 16) == 0) {
                body = strtoul(line + 16, NULL, 10);
            }
        }
        if (head + body > REQUEST_MAX) {
            return false;
        }
        if (c->len < head + body) {
            return true;
        }
        bool stream = memmem(c->request + head, body, "\"stream\":true", 13) != NULL;
        c->len -= head + body;
        memmove(c->request, c->request + head + body, c->len);
        if (!(stream ? start_stream(c) : put(c, answer, answer_len))) {
            return false;
        }
    }
}

static void on_readable(struct connection *c)
{
    ssize_t n = recv(c->fd, c->request + c->len, REQUEST_MAX - c->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        c->len += (size_t)n;
    }
    if (n <= 0 || !answer_requests(c)) {
        close_connection(c);
    }
}

static void on_accept(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct connection *c = calloc(1, sizeof(*c));
    c->fd = fd;
    c->request = malloc(REQUEST_MAX); /* touched only as far as requests reach */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Sends what is due; returns the milliseconds until the next event. */
static int send_due(void)
{
    while (queue_first != NULL) {
        struct connection *c = queue_first;
        int64_t wait = c->due_ns - now_ns();
        if (wait > 0) {
            return (int)((wait + 999999) / 1000000);
        }
        queue_remove(c);
        if (!send_event(c)) {
            c->left = 0;
            shutdown(c->fd, SHUT_RDWR);
        } else if (c->left > 0) {
            c->due_ns += options.pace_ns;
            queue_add(c);
        }
    }
    return -1;
}

static int open_listener(uint16_t port)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0) {
        perror("upstream: listen");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &len);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static uint16_t read_options(int argc, char **argv)
{
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--hold") == 0) {
            options.hold = true;
            continue;
        }
        if (i + 1 == argc) {
            fprintf(stderr, "upstream: %s: no such option, or no value\n", argv[i]);
            exit(2);
        }
        unsigned long value = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--port") == 0) {
            port = (uint16_t)value;
        } else if (strcmp(argv[i], "--bytes") == 0) {
            options.bytes = value;
        } else if (strcmp(argv[i], "--events") == 0) {
            options.events = (unsigned)value;
        } else if (strcmp(argv[i], "--pace-us") == 0) {
            options.pace_ns = (int64_t)value * 1000;
        } else {
            fprintf(stderr, "upstream: %s: no such option\n", argv[i]);
            exit(2);
        }
        i++;
    }
    return port;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    uint16_t port = read_options(argc, argv);
    make_answer();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = open_listener(port);
    struct epoll_event accept_event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accept_event);
    for (;;) {
        struct epoll_event events[EVENTS_PER_WAIT];
        int count = epoll_wait(epoll, events, EVENTS_PER_WAIT, send_due());
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                on_accept(epoll, listener);
            } else {
                on_readable(events[i].data.ptr);
            }
        }
    }
}
