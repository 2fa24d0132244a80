/* SPDX-License-Identifier: Apache-2.0 */
#include "store/redis.h"

#include "redis_testing.h"
#include "tests/tap.h"

#include <pthread.h>
#include <sys/eventfd.h>

static struct redis_server server;

static struct redis_options options_of(const char *path)
{
    return (struct redis_options){.host = slice_from_cstr(path),
                                  .deadline_ms = 300,
                                  .retry_ms = 10,
                                  .retry_max_ms = 40,
                                  .stop_fd = -1};
}

static struct redis *client(void)
{
    struct redis_options options = options_of(server.path);
    return redis_new(&options);
}

#define ASK(redis, error, ...)                                                                     \
    redis_ask((redis), (const struct slice[]){__VA_ARGS__},                                        \
              sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice), (error))

/* Tries again until a command goes through; false: not within 5 s. */
static bool comes_back(struct redis *redis)
{
    struct error error;
    int64_t start = clock_monotonic(&clock_system);
    while (elapsed_ms(start) < 5000) {
        struct redisReply *reply = ASK(redis, &error, SLICE("PING"));
        if (reply != NULL) {
            freeReplyObject(reply);
            return true;
        }
        poll(NULL, 0, (int)redis_retry_in_ms(redis) + 1);
    }
    return false;
}

static void asks(void)
{
    struct error error;
    struct redis *redis = client();
    struct redisReply *reply = ASK(redis, &error, SLICE("SET"), SLICE("a"), SLICE("b\0c d"));
    EXPECT_SLICE(redis_text(reply), "OK");
    freeReplyObject(reply);
    reply = ASK(redis, &error, SLICE("GET"), SLICE("a"));
    EXPECT_INT(redis_text(reply).len, 5);
    freeReplyObject(reply);
    reply = ASK(redis, &error, SLICE("INCRBY"), SLICE("n"), SLICE("41"));
    EXPECT_INT(redis_integer(reply), 41);
    EXPECT_INT(redis_count(reply), 0);
    freeReplyObject(reply);
    reply = ASK(redis, &error, SLICE("MGET"), SLICE("n"), SLICE("none"));
    EXPECT_INT(redis_count(reply), 2);
    EXPECT_SLICE(redis_text(redis_at(reply, 0)), "41");
    EXPECT_SLICE(redis_text(redis_at(reply, 1)), "");
    EXPECT(redis_at(reply, 2) == NULL);
    freeReplyObject(reply);
    EXPECT_INT(redis_connections(redis), 1);
    redis_free(redis);
}

/* What the command said, a secret perhaps, is not repeated. */
static void an_error_is_told_by_its_first_word(void)
{
    struct error error;
    struct redis *redis = client();
    EXPECT(ASK(redis, &error, SLICE("SECRETSECRET"), SLICE("hush")) == NULL);
    EXPECT(strcmp(error.code, "redis_error") == 0);
    EXPECT(strstr(error.text, "says ERR") != NULL);
    EXPECT(strstr(error.text, "SECRET") == NULL && strstr(error.text, "hush") == NULL);
    EXPECT(redis_is_connected(redis));
    redis_free(redis);
}

static void logs_in(void)
{
    struct error error;
    struct redis_options options = options_of(server.path);
    options.user = SLICE("guest");
    options.password = SLICE("open-sesame");
    options.database = 3;
    struct redis *redis = redis_new(&options);
    struct redisReply *reply = ASK(redis, &error, SLICE("ACL"), SLICE("WHOAMI"));
    EXPECT_SLICE(redis_text(reply), "guest");
    freeReplyObject(reply);
    reply = ASK(redis, &error, SLICE("CLIENT"), SLICE("INFO"));
    EXPECT(slice_find_slice(redis_text(reply), SLICE(" db=3 ")) != SIZE_MAX);
    freeReplyObject(reply);
    redis_free(redis);
}

static void a_wrong_login_is_refused(void)
{
    struct error error;
    struct redis_options options = options_of(server.path);
    options.user = SLICE("guest");
    options.password = SLICE("open-barley");
    struct redis *redis = redis_new(&options);
    EXPECT(!redis_connect(redis, &error));
    EXPECT(strcmp(error.code, "redis_refused") == 0);
    EXPECT(strstr(error.text, "barley") == NULL);
    EXPECT(redis_retry_in_ms(redis) > 0);
    EXPECT(!redis_connect(redis, &error)); /* at once: the reason of before */
    EXPECT(strcmp(error.code, "redis_refused") == 0);
    redis_free(redis);
    options.database = 4000;
    options.user = options.password = SLICE("");
    redis = redis_new(&options);
    EXPECT(!redis_connect(redis, &error));
    EXPECT(strcmp(error.code, "redis_refused") == 0);
    EXPECT(strstr(error.text, "our database") != NULL);
    redis_free(redis);
}

static void runs_scripts(void)
{
    struct error error;
    struct redis_script script = {.text = SLICE("return {KEYS[1], ARGV[1] + 1}")};
    struct redis *redis = client();
    for (int i = 0; i < 3; i++) {
        struct slice words[5] = {[3] = SLICE("k"), [4] = SLICE("7")};
        struct redisReply *reply = redis_run(redis, &script, words, 5, 1, &error);
        EXPECT_SLICE(redis_text(redis_at(reply, 0)), "k");
        EXPECT_INT(redis_integer(redis_at(reply, 1)), 8);
        freeReplyObject(reply);
        if (i == 1) {
            freeReplyObject(ASK(redis, &error, SLICE("SCRIPT"), SLICE("FLUSH")));
        }
    }
    struct redis_script broken = {.text = SLICE("this is no lua")};
    struct slice words[3] = {SLICE("")};
    EXPECT(redis_run(redis, &broken, words, 3, 0, &error) == NULL);
    EXPECT(strcmp(error.code, "redis_error") == 0);
    redis_free(redis);
}

static void a_killed_server_comes_back(void)
{
    struct error error;
    struct redis *redis = client();
    freeReplyObject(ASK(redis, &error, SLICE("SET"), SLICE("kept"), SLICE("1")));
    server_kill(&server);
    EXPECT(ASK(redis, &error, SLICE("GET"), SLICE("kept")) == NULL);
    EXPECT(strcmp(error.code, "redis_away") == 0);
    EXPECT(!redis_is_connected(redis) && redis_fd(redis) == -1);
    int64_t start = clock_monotonic(&clock_system);
    EXPECT(!redis_connect(redis, &error)); /* the pause costs nothing */
    EXPECT(elapsed_ms(start) < 100);
    EXPECT(server_start(&server));
    EXPECT(comes_back(redis));
    struct redisReply *reply = ASK(redis, &error, SLICE("GET"), SLICE("kept"));
    EXPECT_SLICE(redis_text(reply), ""); /* it came back empty */
    freeReplyObject(reply);
    EXPECT_INT(redis_connections(redis), 2);
    redis_free(redis);
}

static void pauses_grow_up_to_a_bound(void)
{
    struct error error;
    struct redis_options options = options_of("/tmp/sluice-no-such-socket");
    struct redis *redis = redis_new(&options);
    int64_t longest = 0;
    int64_t first = 0;
    for (int i = 0; i < 5; i++) {
        EXPECT(!redis_connect(redis, &error));
        EXPECT(strcmp(error.code, "redis_away") == 0);
        longest = redis_retry_in_ms(redis);
        first = i == 0 ? longest : first;
        poll(NULL, 0, (int)longest);
    }
    EXPECT(first <= 14);
    EXPECT(longest > 14 && longest <= 52);
    redis_free(redis);
}

static void a_hanging_server_is_left(void)
{
    struct error error;
    struct redis *redis = client();
    EXPECT(redis_connect(redis, &error));
    kill(server.pid, SIGSTOP);
    int64_t start = clock_monotonic(&clock_system);
    EXPECT(ASK(redis, &error, SLICE("PING")) == NULL);
    EXPECT(strstr(error.text, "does not answer") != NULL);
    EXPECT(elapsed_ms(start) >= 300 && elapsed_ms(start) < 3000);
    poll(NULL, 0, (int)redis_retry_in_ms(redis));
    start = clock_monotonic(&clock_system);
    EXPECT(!redis_connect(redis, &error)); /* the kernel accepts, nobody greets */
    EXPECT(elapsed_ms(start) >= 300 && elapsed_ms(start) < 3000);
    kill(server.pid, SIGCONT);
    EXPECT(comes_back(redis));
    redis_free(redis);
}

static void *ring(void *user)
{
    poll(NULL, 0, 50);
    (void)!write(*(int *)user, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

static void stopping_ends_a_wait(void)
{
    struct error error;
    pthread_t thread;
    int bell = eventfd(0, EFD_CLOEXEC);
    struct redis_options options = options_of(server.path);
    options.stop_fd = bell;
    options.deadline_ms = 20000;
    struct redis *redis = redis_new(&options);
    EXPECT(redis_connect(redis, &error));
    kill(server.pid, SIGSTOP);
    int64_t start = clock_monotonic(&clock_system);
    pthread_create(&thread, NULL, ring, &bell);
    EXPECT(ASK(redis, &error, SLICE("PING")) == NULL);
    EXPECT(strcmp(error.code, "stopped") == 0);
    EXPECT(elapsed_ms(start) < 5000);
    pthread_join(thread, NULL);
    kill(server.pid, SIGCONT);
    redis_free(redis);
    close(bell);
}

/* Waits for one; its channel and text as "channel:text", or "(none)". */
static const char *hear(struct redis *redis)
{
    static char text[256];
    struct redis_message message;
    struct error error;
    int64_t start = clock_monotonic(&clock_system);
    snprintf(text, sizeof(text), "(none)");
    while (elapsed_ms(start) < 3000) {
        if (redis_connect(redis, &error) && redis_next(redis, &message)) {
            snprintf(text, sizeof(text), "%.*s:%.*s", SLICE_ARG(message.channel),
                     SLICE_ARG(message.text));
            freeReplyObject(message.reply);
            break;
        }
        struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
        poll(&fd, 1, 20);
    }
    return text;
}

static void say(struct redis *redis, struct slice channel, struct slice text)
{
    struct error error;
    freeReplyObject(ASK(redis, &error, SLICE("PUBLISH"), channel, text));
}

static void listens(void)
{
    struct error error;
    const struct slice channels[] = {SLICE("one"), SLICE("two")};
    struct redis *speaker = client();
    struct redis *listener = client();
    redis_listen_to(listener, channels, 2);
    EXPECT(redis_connect(listener, &error));
    say(speaker, SLICE("two"), SLICE("hello"));
    say(speaker, SLICE("three"), SLICE("nobody"));
    say(speaker, SLICE("one"), SLICE(""));
    EXPECT(strcmp(hear(listener), "two:hello") == 0);
    EXPECT(strcmp(hear(listener), "one:") == 0);
    server_kill(&server);
    EXPECT(server_start(&server));
    struct redis_message message;
    while (redis_is_connected(listener)) {
        EXPECT(!redis_next(listener, &message));
    }
    poll(NULL, 0, (int)redis_retry_in_ms(listener));
    EXPECT(redis_connect(listener, &error)); /* and listens again, by itself */
    EXPECT_INT(redis_connections(listener), 2);
    EXPECT(comes_back(speaker));
    say(speaker, SLICE("two"), SLICE("again"));
    EXPECT(strcmp(hear(listener), "two:again") == 0);
    redis_free(listener);
    redis_free(speaker);
}

static void a_listener_notices_a_hanging_server(void)
{
    struct error error;
    struct redis_message message;
    const struct slice channels[] = {SLICE("one")};
    struct redis *listener = client();
    redis_listen_to(listener, channels, 1);
    EXPECT(redis_connect(listener, &error));
    int64_t start = clock_monotonic(&clock_system);
    while (elapsed_ms(start) < 900) { /* silence alone is none */
        EXPECT(!redis_next(listener, &message));
        redis_tend(listener);
        poll(NULL, 0, 20);
    }
    EXPECT(redis_is_connected(listener));
    kill(server.pid, SIGSTOP);
    start = clock_monotonic(&clock_system);
    while (redis_is_connected(listener) && elapsed_ms(start) < 5000) {
        EXPECT(!redis_next(listener, &message));
        redis_tend(listener);
        poll(NULL, 0, 20);
    }
    EXPECT(!redis_is_connected(listener));
    EXPECT(elapsed_ms(start) < 2000);
    kill(server.pid, SIGCONT);
    redis_free(listener);
}

/* --- one that is no Redis --- */

struct liar {
    char path[64];
    int listener;
    struct slice says; /* in answer to anything after the greeting's PING */
    pthread_t thread;
};

/* Talks to one client, until that is gone. */
static void *lie(void *user)
{
    struct liar *liar = user;
    char bytes[512];
    int fd = accept(liar->listener, NULL, NULL);
    bool greeted = false;
    while (read(fd, bytes, sizeof(bytes)) > 0) {
        struct slice says = greeted ? liar->says : SLICE("+PONG\r\n");
        greeted = true;
        for (size_t sent = 0; sent < says.len;) {
            ssize_t wrote = write(fd, says.ptr + sent, says.len - sent);
            if (wrote <= 0) {
                break;
            }
            sent += (size_t)wrote;
        }
    }
    close(fd);
    return NULL;
}

static void expect_lost(struct slice says, const char *why)
{
    struct error error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct liar liar = {.says = says};
    snprintf(liar.path, sizeof(liar.path), "%.50s/liar", server.directory);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", liar.path);
    liar.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(bind(liar.listener, (const struct sockaddr *)(const void *)&address, sizeof(address)) ==
           0);
    EXPECT(listen(liar.listener, 1) == 0);
    pthread_create(&liar.thread, NULL, lie, &liar);
    struct redis_options options = options_of(liar.path);
    struct redis *redis = redis_new(&options);
    EXPECT(redis_connect(redis, &error));
    EXPECT(ASK(redis, &error, SLICE("GET"), SLICE("x")) == NULL);
    EXPECT(strcmp(error.code, "redis_away") == 0);
    if (strstr(error.text, why) == NULL) {
        EXPECT(false);
        printf("# it says: %s\n", error.text);
    }
    EXPECT(!redis_is_connected(redis));
    redis_free(redis);
    pthread_join(liar.thread, NULL);
    close(liar.listener);
    unlink(liar.path);
}

static void answers_that_make_no_sense_are_the_end(void)
{
    size_t size = REDIS_ANSWER_MAX + 65536;
    char *long_answer = malloc(size);
    memset(long_answer, 'x', size);
    memcpy(long_answer, "$536870912\r\n", 12);
    expect_lost(SLICE("HTTP/1.1 400 Bad Request\r\n\r\n"), "Protocol error");
    expect_lost(SLICE("$-7\r\n"), "");
    expect_lost(SLICE("*2147483647\r\n"), "memory");
    expect_lost(SLICE("*100000\r\n"), "memory");
    expect_lost(SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"), "");
    expect_lost(slice_of(long_answer, size), "too long");
    expect_lost(SLICE("$5\r\nab"), "does not answer");
    free(long_answer);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!server_start(&server)) {
        printf("not ok 1 - redis-server starts\n1..1\n");
        return 1;
    }
    TEST(asks, "a command is answered");
    TEST(an_error_is_told_by_its_first_word, "an error is told by its first word alone");
    TEST(logs_in, "it logs in as the user and takes the database");
    TEST(a_wrong_login_is_refused, "a wrong login or database is refused, and not repeated");
    TEST(runs_scripts, "scripts run, also after the server forgot them");
    TEST(a_killed_server_comes_back, "a killed server is away and comes back");
    TEST(pauses_grow_up_to_a_bound, "pauses between tries grow up to a bound");
    TEST(a_hanging_server_is_left, "a hanging server is left after the deadline");
    TEST(stopping_ends_a_wait, "stopping ends a wait");
    TEST(listens, "a listener hears its channels, again after a restart");
    TEST(a_listener_notices_a_hanging_server, "a listener notices a hanging server");
    TEST(answers_that_make_no_sense_are_the_end, "answers that make no sense are the end");
    server_remove(&server);
    return tap_done();
}
