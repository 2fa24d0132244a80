/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket is connected here and then lent to hiredis in its non-blocking mode: it formats
 * commands and parses answers, poll() and the deadlines are ours.
 */
#include "store/redis.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS_MAX 4096
#define PLACE_SIZE 320

struct redis {
    struct redis_options options; /* the slices point into the next five */
    char *host;
    char *user;
    char *password;
    char place[PLACE_SIZE]; /* "host:port", for people */
    struct slice channels[REDIS_CHANNELS_MAX];
    size_t channel_count;
    struct redisContext *context; /* NULL: not connected */
    redisReplyObjectFunctions functions;
    redisReplyObjectFunctions *defaults;
    struct random random;
    struct error failure; /* of the last try */
    int64_t pause_ms;
    int64_t retry_ns; /* monotonic: not before */
    int64_t heard_ns;
    int64_t asked_ns; /* for a sign of life; 0: not since the last one */
    uint64_t connections;
    bool away_told;
};

static int64_t now_ns(void)
{
    return clock_monotonic(&clock_system);
}

/* --- making and losing it --- */

static char *copy_text(struct slice text)
{
    char *copy = memory_alloc(text.len + 1);
    if (copy != NULL) {
        slice_to_cstr(text, copy, text.len + 1);
    }
    return copy;
}

struct redis *redis_new(const struct redis_options *options)
{
    uint64_t seed = 0;
    struct redis *redis = memory_array(1, sizeof(*redis));
    if (redis == NULL) {
        return NULL;
    }
    redis->options = *options;
    redis->host = copy_text(options->host);
    redis->user = copy_text(options->user);
    redis->password = copy_text(options->password);
    if (redis->host == NULL || redis->user == NULL || redis->password == NULL) {
        redis_free(redis);
        return NULL;
    }
    redis->options.host = slice_of(redis->host, options->host.len);
    redis->options.user = slice_of(redis->user, options->user.len);
    redis->options.password = slice_of(redis->password, options->password.len);
    if (slice_starts(options->host, SLICE("/"))) {
        snprintf(redis->place, sizeof(redis->place), "%.300s", redis->host);
    } else {
        snprintf(redis->place, sizeof(redis->place), "%.300s:%u", redis->host, options->port);
    }
    random_secure(&seed, sizeof(seed));
    random_seed(&redis->random, seed);
    return redis;
}

static void close_context(struct redis *redis)
{
    if (redis->context != NULL) {
        redis->context->reader->fn = redis->defaults;
        redisFree(redis->context);
        redis->context = NULL;
    }
}

void redis_free(struct redis *redis)
{
    if (redis == NULL) {
        return;
    }
    close_context(redis);
    if (redis->password != NULL) {
        memory_wipe(redis->password, redis->options.password.len);
    }
    memory_free(redis->host);
    memory_free(redis->user);
    memory_free(redis->password);
    memory_free(redis);
}

static void note_failure(struct redis *redis, const struct error *why)
{
    const struct redis_options *o = &redis->options;
    close_context(redis);
    redis->failure = *why;
    redis->pause_ms = redis->pause_ms == 0 ? o->retry_ms : redis->pause_ms * 2;
    if (redis->pause_ms > o->retry_max_ms) {
        redis->pause_ms = o->retry_max_ms;
    }
    int64_t more = (int64_t)random_below(&redis->random, (uint64_t)redis->pause_ms / 4 + 1);
    redis->retry_ns = now_ns() + (redis->pause_ms + more) * NS_PER_MS;
    if (!redis->away_told) {
        redis->away_told = true;
        log_event(LOG_WARN, "redis_away", "%s", why->text);
    }
}

void redis_drop(struct redis *redis, const char *why)
{
    struct error error;
    if (redis->context != NULL) {
        error_set(&error, ERROR_ENVIRONMENT, "redis_away", "Redis at %s: %s", redis->place, why);
        note_failure(redis, &error);
    }
}

/* Always false. */
static bool lose(struct redis *redis, struct error *error, const char *why)
{
    redis_drop(redis, why);
    if (error != NULL) {
        *error = redis->failure;
    }
    return false;
}

/* Always false. */
static bool stopped(struct redis *redis, struct error *error)
{
    close_context(redis);
    return error_set(error, ERROR_ENVIRONMENT, "stopped", "the node is stopping");
}

bool redis_is_connected(const struct redis *redis)
{
    return redis->context != NULL;
}

int64_t redis_retry_in_ms(const struct redis *redis)
{
    int64_t left = redis->context != NULL ? 0 : redis->retry_ns - now_ns();
    return left <= 0 ? 0 : left / NS_PER_MS + 1;
}

uint64_t redis_connections(const struct redis *redis)
{
    return redis->connections;
}

int redis_fd(const struct redis *redis)
{
    return redis->context == NULL ? -1 : redis->context->fd;
}

/* --- waiting --- */

enum waited { WAITED_READY, WAITED_LATE, WAITED_STOPPED };

static enum waited wait_for(const struct redis *redis, int fd, short events, int64_t until_ns)
{
    struct pollfd fds[2] = {{.fd = redis->options.stop_fd, .events = POLLIN},
                            {.fd = fd, .events = events}};
    for (;;) {
        int64_t left = until_ns - now_ns();
        int got = poll(fds, 2, left <= 0 ? 0 : (int)(left / NS_PER_MS) + 1);
        if (got > 0 && fds[0].revents != 0) {
            return WAITED_STOPPED;
        }
        if (got > 0) {
            return WAITED_READY;
        }
        if ((got == 0 || errno != EINTR) && now_ns() >= until_ns) {
            return WAITED_LATE;
        }
    }
}

static int64_t deadline(const struct redis *redis)
{
    return now_ns() + redis->options.deadline_ms * NS_PER_MS;
}

/* --- connecting --- */

static bool cannot_connect(const struct redis *redis, struct error *error, const char *why)
{
    return error_set(error, ERROR_ENVIRONMENT, "redis_away", "Redis at %s cannot be reached: %s",
                     redis->place, why);
}

/* A connected socket, or -1 with the reason. */
static int connect_to(const struct redis *redis, const struct sockaddr *address, socklen_t size,
                      int64_t until_ns, struct error *error)
{
    int one = 1;
    int status = 0;
    socklen_t length = sizeof(status);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        cannot_connect(redis, error, strerror(errno));
        return -1;
    }
    if (connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        cannot_connect(redis, error, strerror(errno));
        goto fail;
    }
    switch (wait_for(redis, fd, POLLOUT, until_ns)) {
    case WAITED_STOPPED:
        error_set(error, ERROR_ENVIRONMENT, "stopped", "the node is stopping");
        goto fail;
    case WAITED_LATE:
        cannot_connect(redis, error, "it does not answer");
        goto fail;
    case WAITED_READY:
        break;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &length) != 0 || status != 0) {
        cannot_connect(redis, error, strerror(status));
        goto fail;
    }
    if (address->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    return fd;
fail:
    close(fd);
    return -1;
}

static int connect_unix(const struct redis *redis, int64_t until_ns, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (redis->options.host.len >= sizeof(address.sun_path)) {
        cannot_connect(redis, error, "the path is too long");
        return -1;
    }
    slice_to_cstr(redis->options.host, address.sun_path, sizeof(address.sun_path));
    return connect_to(redis, (const struct sockaddr *)(const void *)&address, sizeof(address),
                      until_ns, error);
}

/* Each address in turn, all within the one deadline. */
static int connect_tcp(const struct redis *redis, int64_t until_ns, struct error *error)
{
    char port[8];
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof(port), "%u", redis->options.port);
    int status = getaddrinfo(redis->host, port, &hints, &found);
    if (status != 0) {
        cannot_connect(redis, error, gai_strerror(status));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = found; fd < 0 && a != NULL; a = a->ai_next) {
        fd = connect_to(redis, a->ai_addr, a->ai_addrlen, until_ns, error);
    }
    freeaddrinfo(found);
    return fd;
}

static bool too_many(int elements)
{
    return elements < 0 || elements > REDIS_ELEMENTS_MAX;
}

/* hiredis would allocate whatever length a list announces. */
static void *create_array(const redisReadTask *task, int elements)
{
    const redisReplyObjectFunctions *defaults = task->privdata;
    return too_many(elements) ? NULL : defaults->createArray(task, elements);
}

static bool lend_socket(struct redis *redis, int fd, struct error *error)
{
    redis->context = redisConnectFd(fd);
    if (redis->context == NULL || redis->context->err != 0) {
        if (redis->context == NULL) {
            close(fd);
        }
        close_context(redis);
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    redis->context->flags &= ~REDIS_BLOCK;
    redisReader *reader = redis->context->reader;
    redis->defaults = reader->fn;
    redis->functions = *reader->fn;
    redis->functions.createArray = create_array;
    reader->fn = &redis->functions;
    reader->privdata = redis->defaults;
    return true;
}

/* --- commands --- */

static bool send_all(struct redis *redis, int64_t until_ns, struct error *error)
{
    int done = 0;
    while (redisBufferWrite(redis->context, &done) == REDIS_OK) {
        if (done) {
            return true;
        }
        switch (wait_for(redis, redis->context->fd, POLLOUT, until_ns)) {
        case WAITED_STOPPED:
            return stopped(redis, error);
        case WAITED_LATE:
            return lose(redis, error, "it takes nothing any more");
        case WAITED_READY:
            break;
        }
    }
    return lose(redis, error, redis->context->errstr);
}

/* What has come already. False: lost. *ret_reply NULL: not all of it is there. */
static bool take_reply(struct redis *redis, struct redisReply **ret_reply, struct error *error)
{
    void *reply = NULL;
    if (redisGetReplyFromReader(redis->context, &reply) != REDIS_OK) {
        return lose(redis, error, redis->context->errstr);
    }
    if (reply == NULL && redis->context->reader->len > REDIS_ANSWER_MAX) {
        return lose(redis, error, "an answer is too long");
    }
    *ret_reply = reply;
    return true;
}

static bool read_more(struct redis *redis, struct error *error)
{
    if (redisBufferRead(redis->context) != REDIS_OK) {
        return lose(redis, error, redis->context->errstr);
    }
    redis->heard_ns = now_ns();
    redis->asked_ns = 0;
    return true;
}

static struct redisReply *await_reply(struct redis *redis, int64_t until_ns, struct error *error)
{
    struct redisReply *reply = NULL;
    while (take_reply(redis, &reply, error)) {
        if (reply != NULL) {
            return reply;
        }
        switch (wait_for(redis, redis->context->fd, POLLIN, until_ns)) {
        case WAITED_STOPPED:
            (void)stopped(redis, error);
            return NULL;
        case WAITED_LATE:
            (void)lose(redis, error, "it does not answer");
            return NULL;
        case WAITED_READY:
            break;
        }
        if (!read_more(redis, error)) {
            return NULL;
        }
    }
    return NULL;
}

static bool append_command(struct redis *redis, const struct slice *words, size_t count,
                           struct error *error)
{
    const char *texts[16];
    size_t lengths[16];
    const char **text = texts;
    size_t *length = lengths;
    CHECK(count > 0 && count <= WORDS_MAX);
    if (count > ARRAY_LEN(texts)) {
        text = memory_array(count, sizeof(*text));
        length = memory_array(count, sizeof(*length));
    }
    bool done = text != NULL && length != NULL;
    for (size_t i = 0; done && i < count; i++) {
        text[i] = words[i].ptr == NULL ? "" : words[i].ptr;
        length[i] = words[i].len;
    }
    done = done && redisAppendCommandArgv(redis->context, (int)count, text, length) == REDIS_OK;
    if (text != texts) {
        memory_free(text);
        memory_free(length);
    }
    return done || lose(redis, error, "out of memory");
}

static struct redisReply *exchange(struct redis *redis, const struct slice *words, size_t count,
                                   int64_t until_ns, struct error *error)
{
    if (!append_command(redis, words, count, error) || !send_all(redis, until_ns, error)) {
        return NULL;
    }
    return await_reply(redis, until_ns, error);
}

/* Only its first word: what follows may repeat what the command said. */
static struct slice error_word(const struct redisReply *reply)
{
    struct slice rest = slice_of(reply->str, reply->len);
    struct slice word = slice_cut(&rest, ' ');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < 'A' || word.ptr[i] > 'Z') {
            return SLICE("ERR");
        }
    }
    return word.len > 0 && word.len <= 32 ? word : SLICE("ERR");
}

/* One step of the greeting. */
static bool greet(struct redis *redis, const struct slice *words, size_t count, const char *what,
                  int64_t until_ns, struct error *error)
{
    struct redisReply *reply = exchange(redis, words, count, until_ns, error);
    if (reply == NULL) {
        return false;
    }
    bool fine = reply->type != REDIS_REPLY_ERROR;
    if (!fine) {
        struct slice word = error_word(reply);
        error_set(error, ERROR_ENVIRONMENT,
                  slice_eq(word, SLICE("LOADING")) ? "redis_away" : "redis_refused",
                  "Redis at %s refuses %s: %.*s", redis->place, what, SLICE_ARG(word));
    }
    freeReplyObject(reply);
    return fine;
}

static bool subscribe(struct redis *redis, int64_t until_ns, struct error *error)
{
    for (size_t i = 0; i < redis->channel_count; i++) {
        struct slice words[] = {SLICE("SUBSCRIBE"), redis->channels[i]};
        if (!greet(redis, words, 2, "to let us listen", until_ns, error)) {
            return false;
        }
    }
    return true;
}

static bool greet_all(struct redis *redis, int64_t until_ns, struct error *error)
{
    const struct redis_options *o = &redis->options;
    char number[8];
    snprintf(number, sizeof(number), "%u", o->database);
    if (o->password.len > 0) {
        struct slice words[3] = {SLICE("AUTH"), o->user, o->password};
        if (o->user.len == 0) {
            words[1] = o->password;
        }
        if (!greet(redis, words, o->user.len == 0 ? 2 : 3, "our login", until_ns, error)) {
            return false;
        }
    }
    struct slice select[] = {SLICE("SELECT"), slice_from_cstr(number)};
    struct slice ping[] = {SLICE("PING")};
    return (o->database == 0 || greet(redis, select, 2, "our database", until_ns, error)) &&
           greet(redis, ping, 1, "to serve us", until_ns, error) &&
           subscribe(redis, until_ns, error);
}

static bool try_connect(struct redis *redis, struct error *error)
{
    int64_t until_ns = deadline(redis);
    int fd = redis->host[0] == '/' ? connect_unix(redis, until_ns, error)
                                   : connect_tcp(redis, until_ns, error);
    return fd >= 0 && lend_socket(redis, fd, error) && greet_all(redis, until_ns, error);
}

bool redis_connect(struct redis *redis, struct error *error)
{
    struct error why;
    if (redis->context != NULL) {
        return true;
    }
    if (now_ns() < redis->retry_ns) {
        if (error != NULL) {
            *error = redis->failure;
        }
        return false;
    }
    error_clear(&why);
    if (try_connect(redis, &why)) {
        if (redis->connections > 0 || redis->away_told) {
            log_event(LOG_INFO, "redis_back", "Redis at %s answers again", redis->place);
        }
        redis->connections++;
        redis->away_told = false;
        redis->pause_ms = 0;
        redis->heard_ns = now_ns();
        redis->asked_ns = 0;
        return true;
    }
    if (redis->retry_ns <= now_ns() && strcmp(why.code, "stopped") != 0) {
        note_failure(redis, &why); /* else it was noted where it happened */
    }
    if (error != NULL) {
        *error = why;
    }
    return false;
}

struct redisReply *redis_ask(struct redis *redis, const struct slice *words, size_t count,
                             struct error *error)
{
    CHECK(redis->channel_count == 0);
    if (!redis_connect(redis, error)) {
        return NULL;
    }
    struct redisReply *reply = exchange(redis, words, count, deadline(redis), error);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        struct slice word = error_word(reply);
        error_set(error, ERROR_ENVIRONMENT, "redis_error", "Redis at %s says %.*s", redis->place,
                  SLICE_ARG(word));
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

void redis_ask_many(struct redis *redis, const struct redis_words *commands, size_t count,
                    struct redisReply **replies)
{
    CHECK(redis->channel_count == 0);
    bool sent = redis_connect(redis, NULL);
    int64_t until_ns = deadline(redis);
    for (size_t i = 0; i < count; i++) {
        replies[i] = NULL;
        sent = sent && append_command(redis, commands[i].words, commands[i].count, NULL);
    }
    sent = sent && send_all(redis, until_ns, NULL);
    for (size_t i = 0; sent && i < count; i++) {
        replies[i] = await_reply(redis, until_ns, NULL);
        sent = replies[i] != NULL;
    }
}

/* --- scripts --- */

static bool load_script(struct redis *redis, struct redis_script *script, struct error *error)
{
    struct slice words[] = {SLICE("SCRIPT"), SLICE("LOAD"), script->text};
    struct redisReply *reply = redis_ask(redis, words, ARRAY_LEN(words), error);
    if (reply == NULL) {
        return false;
    }
    struct slice digest = redis_text(reply);
    bool fine = digest.len == sizeof(script->digest) - 1;
    slice_to_cstr(fine ? digest : SLICE(""), script->digest, sizeof(script->digest));
    freeReplyObject(reply);
    return fine || lose(redis, error, "it gives no digest of a script");
}

struct redisReply *redis_run(struct redis *redis, struct redis_script *script, struct slice *words,
                             size_t count, size_t keys, struct error *error)
{
    char number[24];
    snprintf(number, sizeof(number), "%zu", keys);
    CHECK(count >= 3 + keys);
    for (int tries = 0; tries < 2; tries++) {
        if (script->digest[0] == '\0' && !load_script(redis, script, error)) {
            return NULL;
        }
        words[0] = SLICE("EVALSHA");
        words[1] = slice_from_cstr(script->digest);
        words[2] = slice_from_cstr(number);
        struct error why;
        struct redisReply *reply = redis_ask(redis, words, count, &why);
        if (reply != NULL) {
            return reply;
        }
        if (error != NULL) {
            *error = why;
        }
        if (strstr(why.text, "NOSCRIPT") == NULL) {
            return NULL;
        }
        script->digest[0] = '\0'; /* it was restarted */
    }
    return NULL;
}

/* --- listening --- */

void redis_listen_to(struct redis *redis, const struct slice *channels, size_t count)
{
    CHECK(count <= REDIS_CHANNELS_MAX && redis->context == NULL);
    for (size_t i = 0; i < count; i++) {
        redis->channels[i] = channels[i];
    }
    redis->channel_count = count;
}

/* ["message", channel, text]; others (a pong) are nothing to us. */
static bool is_message(const struct redisReply *reply, struct redis_message *ret_message)
{
    if (redis_count(reply) != 3 || !slice_eq(redis_text(redis_at(reply, 0)), SLICE("message"))) {
        return false;
    }
    ret_message->channel = redis_text(redis_at(reply, 1));
    ret_message->text = redis_text(redis_at(reply, 2));
    return true;
}

bool redis_next(struct redis *redis, struct redis_message *ret_message)
{
    struct redisReply *reply = NULL;
    struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
    while (redis->context != NULL && take_reply(redis, &reply, NULL)) {
        if (reply == NULL) {
            if (poll(&fd, 1, 0) <= 0 || !read_more(redis, NULL)) {
                return false;
            }
            continue;
        }
        if (is_message(reply, ret_message)) {
            ret_message->reply = reply;
            return true;
        }
        freeReplyObject(reply);
    }
    return false;
}

void redis_tend(struct redis *redis)
{
    int64_t span_ns = redis->options.deadline_ms * NS_PER_MS;
    int64_t now = now_ns();
    struct slice ping[] = {SLICE("PING")};
    if (redis->context == NULL || now - redis->heard_ns < span_ns) {
        return;
    }
    if (redis->asked_ns == 0) {
        redis->asked_ns = now;
        if (append_command(redis, ping, 1, NULL)) {
            (void)send_all(redis, now + span_ns, NULL);
        }
    } else if (now - redis->asked_ns >= span_ns) {
        redis_drop(redis, "it gives no sign of life");
    }
}

/* --- answers --- */

int64_t redis_integer(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

struct slice redis_text(const struct redisReply *reply)
{
    bool text =
        reply != NULL && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
    return text ? slice_of(reply->str, reply->len) : SLICE_EMPTY;
}

size_t redis_count(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const struct redisReply *redis_at(const struct redisReply *reply, size_t index)
{
    return index < redis_count(reply) ? reply->element[index] : NULL;
}
