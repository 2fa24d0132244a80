/* SPDX-License-Identifier: Apache-2.0 */
/* Probes against listeners of this test, on free ports. */
#include "cli/probe.h"

#include "base/buf.h"
#include "cli/probe_facts.h"

#include "tests/tap.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 2000 /* generous: a test machine may be busy */

static const char ollama[] = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
                             "{\"models\":[{\"name\":\"llama3.2:1b\"},{\"name\":\"qwen3:8b\"}]}";

/* One server that answers one connection: reads the head, writes `answer`, closes or stays. */
struct server {
    int fd;
    uint16_t port;
    bool ipv6;
    const char *answer; /* NULL: accepts nothing */
    bool stay;          /* keeps the connection open after the answer */
    char request[1024];
    pthread_t thread;
    int client;
};

static void *serve(void *argument)
{
    struct server *server = argument;
    size_t len = 0;
    server->client = accept(server->fd, NULL, NULL);
    while (server->client >= 0 && len + 1 < sizeof(server->request)) {
        ssize_t got =
            recv(server->client, server->request + len, sizeof(server->request) - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        server->request[len] = '\0';
        if (strstr(server->request, "\r\n\r\n") != NULL) {
            break;
        }
    }
    size_t sent = 0;
    size_t total = strlen(server->answer);
    while (server->client >= 0 && sent < total) {
        ssize_t put = send(server->client, server->answer + sent, total - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            break;
        }
        sent += (size_t)put;
    }
    if (!server->stay && server->client >= 0) {
        close(server->client);
        server->client = -1;
    }
    return NULL;
}

static bool server_open(struct server *server)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = server->ipv6 ? (void *)&six : (void *)&four;
    socklen_t len = server->ipv6 ? sizeof(six) : sizeof(four);
    server->client = -1;
    server->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, address, len) != 0 || listen(server->fd, 4) != 0 ||
        getsockname(server->fd, address, &len) != 0) {
        return false;
    }
    server->port = ntohs(server->ipv6 ? six.sin6_port : four.sin_port);
    return server->answer == NULL || pthread_create(&server->thread, NULL, serve, server) == 0;
}

static void server_close(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    if (server->answer != NULL) {
        pthread_join(server->thread, NULL);
    }
    if (server->client >= 0) {
        close(server->client);
    }
    close(server->fd);
}

static void finds(const char *answer, size_t count, bool stay)
{
    struct server server = {.answer = answer, .stay = stay};
    struct arena arena;
    arena_init(&arena, 1u << 20);
    EXPECT(server_open(&server));
    struct probe probe = {.port = server.port, .path = SLICE("/api/tags"), .host = "127.0.0.1"};
    probe_run(&probe, 1, &clock_system, LIMIT_MS, &arena);
    EXPECT_INT(probe.found, count > 0);
    EXPECT_INT(probe.model_count, count);
    server_close(&server);
    EXPECT(strstr(server.request, "GET /api/tags HTTP/1.0\r\nHost: 127.0.0.1:") == server.request);
    arena_release(&arena);
}

static void a_server_is_found(void)
{
    finds(ollama, 2, false);
}

static void a_length_ends_the_answer(void)
{
    finds("HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n{\"data\":[{\"id\":\"model-x\"}]} ", 1,
          true);
}

static void other_answers_are_no_server(void)
{
    finds("HTTP/1.1 404 Not Found\r\n\r\n{\"data\":[{\"id\":\"x\"}]}", 0, false);
    finds("HTTP/1.1 200 OK\r\n\r\n<html>hello</html>", 0, false);
    finds("HTTP/1.1 200 OK\r\n\r\n{\"data\":[]}", 0, false);
    finds("HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"id\":5},7,null,{}]}", 0, false);
    finds("SSH-2.0-OpenSSH\r\n", 0, false);
    finds("", 0, false);
}

static void a_silent_server_costs_the_limit_only(void)
{
    struct server server = {.answer = NULL};
    struct arena arena;
    arena_init(&arena, 1u << 20);
    EXPECT(server_open(&server));
    struct probe probe = {.port = server.port, .path = SLICE("/"), .host = "127.0.0.1"};
    int64_t before = clock_monotonic(&clock_system);
    probe_run(&probe, 1, &clock_system, 60, &arena);
    int64_t spent_ms = (clock_monotonic(&clock_system) - before) / NS_PER_MS;
    EXPECT(!probe.found);
    EXPECT(spent_ms >= 55);
    EXPECT(spent_ms < 1500);
    server_close(&server);
    arena_release(&arena);
}

/* Without a server on a port the answer is at once, whatever the limit. */
static void a_closed_port_costs_nothing(void)
{
    struct server server = {.answer = NULL};
    struct arena arena;
    arena_init(&arena, 1u << 20);
    EXPECT(server_open(&server));
    server_close(&server);
    struct probe probe = {.port = server.port, .path = SLICE("/")};
    int64_t before = clock_monotonic(&clock_system);
    probe_run(&probe, 1, &clock_system, 5000, &arena);
    EXPECT((clock_monotonic(&clock_system) - before) / NS_PER_MS < 2500);
    EXPECT(!probe.found);
    arena_release(&arena);
}

static void both_families_are_asked(void)
{
    struct server server = {.answer = ollama, .ipv6 = true};
    struct arena arena;
    arena_init(&arena, 1u << 20);
    if (!server_open(&server)) {
        printf("# no IPv6 loopback here\n");
        arena_release(&arena);
        return;
    }
    struct probe probe = {.port = server.port, .path = SLICE("/api/tags")};
    probe_run(&probe, 1, &clock_system, LIMIT_MS, &arena);
    EXPECT(probe.found);
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "[::1]:%u", (unsigned)server.port);
    EXPECT_SLICE(slice_from_cstr(probe.origin), wanted);
    server_close(&server);
    arena_release(&arena);
}

static void several_are_asked_at_once(void)
{
    struct server servers[2] = {{.answer = ollama}, {.answer = NULL}};
    struct arena arena;
    struct probe probes[2];
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < 2; i++) {
        EXPECT(server_open(&servers[i]));
        probes[i] = (struct probe){
            .port = servers[i].port, .path = SLICE("/api/tags"), .host = "127.0.0.1"};
    }
    probe_run(probes, 2, &clock_system, 500, &arena);
    EXPECT(probes[0].found);
    EXPECT(!probes[1].found);
    for (size_t i = 0; i < 2; i++) {
        server_close(&servers[i]);
    }
    arena_release(&arena);
}

static void too_much_is_refused(void)
{
    size_t size = PROBE_ANSWER_MAX + 4096;
    char *answer = malloc(size + 1);
    EXPECT(answer != NULL);
    memset(answer, ' ', size);
    memcpy(answer, ollama, sizeof(ollama) - 1);
    answer[size] = '\0';
    finds(answer, 0, false);
    free(answer);
}

static void names_are_vetted(void)
{
    struct arena arena;
    struct known_model models[PROBE_MODELS_MAX];
    size_t listed;
    arena_init(&arena, 1u << 20);
    size_t count = probe_read_models(
        SLICE("{\"data\":[{\"id\":\"a b\"},{\"id\":\"x\\ny\"},{\"id\":\"${KEY}\"},"
              "{\"id\":\"q\\\"\"},{\"id\":\"nomic-Embed-text\"},{\"id\":\"org/model-1.5:Q4\"},"
              "{\"id\":\"org/model-1.5:Q4\"},{\"id\":\"\\u0061\"}]}"),
        &arena, models, &listed);
    EXPECT_INT(count, 2);
    EXPECT_SLICE(models[0].model, "org/model-1.5:Q4");
    EXPECT_SLICE(models[1].model, "a");
    arena_release(&arena);
}

static void long_lists_are_cut(void)
{
    struct arena arena;
    struct known_model models[PROBE_MODELS_MAX];
    size_t listed;
    struct buf text = BUF_INIT(1u << 16);
    arena_init(&arena, 1u << 20);
    buf_append_cstr(&text, "{\"models\":[");
    for (int i = 0; i < 200; i++) {
        buf_printf(&text, "%s{\"name\":\"m%d\"}", i == 0 ? "" : ",", i);
    }
    buf_append_cstr(&text, "]}");
    EXPECT_INT(probe_read_models(buf_slice(&text), &arena, models, &listed), PROBE_MODELS_MAX);
    EXPECT_INT(listed, 200);
    buf_release(&text);
    arena_release(&arena);
}

static void lists_tell_windows(void)
{
    struct arena arena;
    struct known_model models[PROBE_MODELS_MAX];
    size_t listed;
    arena_init(&arena, 1u << 20);
    size_t count = probe_read_models(
        SLICE("{\"data\":[{\"id\":\"v\",\"max_model_len\":4096},"
              "{\"id\":\"l\",\"meta\":{\"n_ctx_train\":131072}},"
              "{\"id\":\"m\",\"meta\":{\"n_ctx_train\":131072,\"n_ctx\":8192}},"
              "{\"id\":\"x\",\"max_model_len\":-1},{\"id\":\"y\",\"max_model_len\":\"9\"}]}"),
        &arena, models, &listed);
    EXPECT_INT(count, 5);
    EXPECT_INT(models[0].context_tokens, 4096);
    EXPECT_INT(models[1].context_tokens, 131072);
    EXPECT_INT(models[2].context_tokens, 8192);
    EXPECT_INT(models[3].context_tokens, 0);
    EXPECT_INT(models[4].context_tokens, 0);
    EXPECT_INT(models[0].capabilities, 0);
    arena_release(&arena);
}

static void show(const char *body, capability_set capabilities, int64_t context_tokens)
{
    struct arena arena;
    struct known_model model = {.model = SLICE("m")};
    arena_init(&arena, 1u << 20);
    probe_read_show(slice_from_cstr(body), &arena, &model);
    EXPECT_INT(model.capabilities, capabilities);
    EXPECT_INT(model.context_tokens, context_tokens);
    arena_release(&arena);
}

static void ollama_tells_capabilities(void)
{
    const capability_set plain = CAPABILITY_COMPLETION | CAPABILITY_JSON_OBJECT |
                                 CAPABILITY_JSON_SCHEMA | CAPABILITY_STREAMING;
    show("{\"capabilities\":[\"completion\"],\"model_info\":{\"general.architecture\":\"llama\","
         "\"llama.context_length\":4096}}",
         plain, 4096);
    show("{\"capabilities\":[\"completion\",\"tools\",\"insert\",\"vision\",\"thinking\"],"
         "\"model_info\":{\"qwen3.context_length\":40960},"
         "\"parameters\":\"stop   \\\"x\\\"\\nnum_ctx      8192\"}",
         plain | CAPABILITY_TOOLS | CAPABILITY_SUFFIX | CAPABILITY_VISION | CAPABILITY_REASONING,
         8192);
    show("{\"capabilities\":[\"embedding\"]}", CAPABILITY_EMBEDDINGS, 0);
    show("{\"capabilities\":[7,null,\"new\"],\"model_info\":[]}", 0, 0);
    show("{\"error\":\"model not found\"}", 0, 0);
    show("nonsense", 0, 0);
    EXPECT_INT(probe_read_props(SLICE("{\"default_generation_settings\":{\"n_ctx\":2048}}")), 2048);
    EXPECT_INT(probe_read_props(SLICE("[]")), 0);
}

/* Answers a connection after another: what the path of each request asks for. */
static void *serve_facts(void *argument)
{
    struct server *server = argument;
    static const char shown[] =
        "HTTP/1.0 200 OK\r\n\r\n{\"capabilities\":[\"completion\",\"tools\"],"
        "\"model_info\":{\"llama.context_length\":2048}}";
    for (;;) {
        char request[1024];
        int client = accept(server->fd, NULL, NULL);
        if (client < 0) {
            return NULL;
        }
        ssize_t got = recv(client, request, sizeof(request) - 1, 0);
        request[got < 0 ? 0 : got] = '\0';
        const char *answer = strncmp(request, "POST /api/show ", 15) == 0 ? shown : ollama;
        (void)!send(client, answer, strlen(answer), MSG_NOSIGNAL);
        close(client);
    }
}

static void each_model_is_asked_about(void)
{
    struct server server = {.answer = NULL};
    struct arena arena;
    arena_init(&arena, 1u << 20);
    EXPECT(server_open(&server));
    EXPECT(pthread_create(&server.thread, NULL, serve_facts, &server) == 0);
    struct probe probe = {.port = server.port,
                          .path = SLICE("/api/tags"),
                          .host = "127.0.0.1",
                          .facts = FACTS_OLLAMA_SHOW};
    probe_run(&probe, 1, &clock_system, LIMIT_MS, &arena);
    EXPECT_INT(probe.model_count, 2);
    for (size_t i = 0; i < probe.model_count; i++) {
        EXPECT((probe.models[i].capabilities & CAPABILITY_TOOLS) != 0);
        EXPECT_INT(probe.models[i].context_tokens, 2048);
    }
    struct known_model named = {.model = SLICE("llama2")};
    struct probe asked = {.port = server.port,
                          .path = SLICE("/api/tags"),
                          .host = "127.0.0.1",
                          .facts = FACTS_OLLAMA_SHOW,
                          .models = &named,
                          .model_count = 1};
    probe_run(&asked, 1, &clock_system, LIMIT_MS, &arena);
    EXPECT(!asked.found);
    EXPECT_INT(named.context_tokens, 2048);
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    arena_release(&arena);
}

int main(void)
{
    TEST(a_server_is_found, "a server that lists models is found");
    TEST(a_length_ends_the_answer, "a length ends the answer although the connection stays open");
    TEST(other_answers_are_no_server, "other answers are no model server");
    TEST(a_silent_server_costs_the_limit_only, "a silent server costs the time limit and no more");
    TEST(a_closed_port_costs_nothing, "a closed port costs no time");
    TEST(both_families_are_asked, "a server on ::1 only is found");
    TEST(several_are_asked_at_once, "several are asked at once, one that hangs spoils nothing");
    TEST(too_much_is_refused, "an answer above the ceiling is no answer");
    TEST(names_are_vetted, "names with strange characters and embedding models are left out");
    TEST(long_lists_are_cut, "a long list is cut, and how long it is is told");
    TEST(lists_tell_windows, "lists of vLLM and llama.cpp tell windows");
    TEST(ollama_tells_capabilities, "Ollama tells what a model can do, and its window");
    TEST(each_model_is_asked_about, "each model of Ollama is asked about, within the same limit");
    return tap_done();
}
