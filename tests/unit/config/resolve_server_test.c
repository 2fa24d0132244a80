/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#include "base/log.h"

#define FLEET                                                                                      \
    "providers: { local: { preset: ollama } }\n"                                                   \
    "targets: { a: { provider: local, model: a } }\n"

static struct snapshot *load(struct loading *loading, const char *text)
{
    struct snapshot *snapshot = loading_cstr(loading, text);
    if (snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(snapshot != NULL);
    return snapshot;
}

static void has_defaults(void)
{
    struct loading loading;
    const struct snapshot *s = load(&loading, FLEET);
    if (s != NULL) {
        EXPECT_INT(s->server.listen_count, 1);
        EXPECT_SLICE(s->server.listen[0], "127.0.0.1:4141");
        EXPECT_INT(s->server.workers, 0);
        EXPECT_INT(s->server.head_bytes, 32768);
        EXPECT_INT(s->server.body_bytes, 33554432);
        EXPECT_INT(s->server.connections, 16384);
        EXPECT_INT(s->server.head_ms, 10000);
        EXPECT_INT(s->server.idle_ms, 75000);
        EXPECT_INT(s->server.write_stall_ms, 60000);
        EXPECT_INT(s->server.drain_ms, 600000);
        EXPECT_INT(s->server.tls_certificate.len, 0);
        EXPECT_INT(s->log.format, LOG_CHOICE_AUTO);
        EXPECT_INT(s->log.level, LOG_INFO);
        EXPECT(s->log.access && !s->keys_required && !s->simulated);
        EXPECT_SLICE(s->ledger_path, "sluice.db");
        EXPECT_INT(s->ledger_segment_bytes, 16777216);
        EXPECT_INT(s->ledger_sync_ms, 50);
        EXPECT_INT(s->policy.unknown_price, UNKNOWN_PRICE_DENY);
        EXPECT_INT(s->policy.ceiling.input, 30000000);
        EXPECT_INT(s->policy.ceiling.output, 120000000);
        EXPECT_INT(s->classifier.kind, CLASSIFIER_MODEL);
        EXPECT_INT(s->classifier.target, NO_TARGET);
        EXPECT_INT(s->classifier.timeout_ms, 300);
        EXPECT_INT(s->generation, 1);
        EXPECT_INT(s->loaded_wall_ns, TESTING_WALL_S * 1000000000LL);
        EXPECT_SLICE(s->source, "sluice.yaml");
    }
    loading_end(&loading);
}

static void takes_what_is_given(void)
{
    struct loading loading;
    const struct snapshot *s =
        load(&loading, FLEET "server: { listen: [127.0.0.1:0, \"[::1]:80\"], workers: 3,\n"
                             "  head_bytes: 8KB, body_bytes: 1MB, connections: 7,\n"
                             "  head_timeout: 1s, idle_timeout: 2s, write_timeout: 3s,\n"
                             "  drain_timeout: 0 }\n"
                             "log: { format: json, level: error, access: off }\n"
                             "ledger: { path: /x/y.db, segment_bytes: 1MB, sync: 1ms }\n"
                             "prices: { unknown: ceiling, ceiling: { input_per_mtok: 1,\n"
                             "  output_per_mtok: 2 } }\n"
                             "keys: { required: true }\n"
                             "classifier: { kind: target, target: a, timeout: 1s }\n");
    if (s != NULL) {
        EXPECT_INT(s->server.listen_count, 2);
        EXPECT_SLICE(s->server.listen[1], "[::1]:80");
        EXPECT_INT(s->server.workers, 3);
        EXPECT_INT(s->server.head_bytes, 8192);
        EXPECT_INT(s->server.connections, 7);
        EXPECT_INT(s->server.drain_ms, 0);
        EXPECT_INT(s->log.format, LOG_CHOICE_JSON);
        EXPECT_INT(s->log.level, LOG_ERROR);
        EXPECT(!s->log.access && s->keys_required);
        EXPECT_SLICE(s->ledger_path, "/x/y.db");
        EXPECT_INT(s->ledger_sync_ms, 1);
        EXPECT_INT(s->policy.unknown_price, UNKNOWN_PRICE_CEILING);
        EXPECT_INT(s->policy.ceiling.output, 2000000);
        EXPECT_INT(s->classifier.kind, CLASSIFIER_EXTERNAL);
        EXPECT_INT(s->classifier.target, 0);
        EXPECT_INT(s->classifier.timeout_ms, 1000);
    }
    loading_end(&loading);
}

static const char *code_of(const char *sections)
{
    static char code[64];
    char text[1000];
    struct loading loading;
    snprintf(text, sizeof(text), FLEET "%s", sections);
    loading_cstr(&loading, text);
    EXPECT((loading.snapshot == NULL) == (loading.diagnostics.errors > 0));
    snprintf(code, sizeof(code), "%s",
             loading.diagnostics.count > 0 ? loading.diagnostics.items[0].code : "ok");
    loading_end(&loading);
    return code;
}

static void listens(const char *address, bool keys, const char *wanted)
{
    char text[300];
    snprintf(text, sizeof(text), "server: { listen: \"%s\" }\nkeys: { required: %s }\n", address,
             keys ? "true" : "false");
    struct slice code = slice_from_cstr(code_of(text));
    EXPECT_SLICE(code, wanted);
    if (!slice_eq(code, slice_from_cstr(wanted))) {
        printf("# %s\n", address);
    }
}

/* A gateway that anybody can reach does not start without keys. */
static void refuses_open_listeners(void)
{
    static const char *const loopback[] = {
        "127.0.0.1:4141", "127.9.9.9:1",         "127.0.0.1:0",         "localhost:80",
        "[::1]:65535",    "[0:0:0:0:0:0:0:1]:1", "[::ffff:127.0.0.1]:1"};
    static const char *const open[] = {"0.0.0.0:4141",     "*:80",
                                       "[::]:80",          "10.0.0.1:80",
                                       "[2001:db8::1]:80", "[::ffff:10.0.0.1]:1"};
    static const char *const bad[] = {
        "4141",
        ":4141",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "::1:80",
        "[::1]",
        "[127.0.0.1]:80",
        "127.1:80",
        "0x7f000001:80",
        "host:80",
        "127.0.0.1:-1",
        "127.0.0.1:80 ",
        "http://127.0.0.1:80",
        "[]:80",
        "[*]:80",
        "[localhost]:80",
        "LOCALHOST:80",
        "unix:/run/s",
    };
    for (size_t i = 0; i < ARRAY_LEN(loopback); i++) {
        listens(loopback[i], false, "ok");
    }
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        listens(open[i], false, "open_listener");
        listens(open[i], true, "ok");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        listens(bad[i], true, "bad_value");
    }
    EXPECT_SLICE(slice_from_cstr(code_of("server: { listen: [127.0.0.1:1, 0.0.0.0:1] }\n")),
                 "open_listener");
}

static void code_is(const char *sections, const char *wanted)
{
    EXPECT_SLICE(slice_from_cstr(code_of(sections)), wanted);
}

static void checks_sections_together(void)
{
    code_is("keys: { required: true }\nledger: { enabled: false }\n", "contradiction");
    code_is("ledger: { enabled: false }\n", "ok");
    code_is("server: { tls: { certificate: /nonexistent } }\n", "incomplete");
    code_is("server: { tls: { certificate: /, key: / } }\n", "unreadable_file");
    code_is("server: { tls: {} }\n", "incomplete");
    code_is("prices: { ceiling: { input_per_mtok: 1 } }\n", "no_effect");
}

/* Prompts go to the classifier: it is on this machine. */
static void keeps_the_classifier_here(void)
{
    code_is("classifier: { kind: endpoint, url: http://127.0.0.1:9/x }\n", "ok");
    code_is("classifier: { kind: endpoint, url: \"http://[::1]:9/x\" }\n", "ok");
    code_is("classifier: { kind: endpoint, url: http://localhost:9 }\n", "ok");
    code_is("classifier: { kind: endpoint, url: http://10.0.0.1:9/x }\n", "bad_value");
    code_is("classifier: { kind: endpoint, url: http://localhost.example.com }\n", "bad_value");
    code_is("classifier: { kind: endpoint, url: http://127.0.0.1@example.com }\n", "bad_value");
    code_is("classifier: { kind: endpoint, url: http://2130706433/ }\n", "bad_value");
    code_is("classifier: { kind: endpoint }\n", "incomplete");
    code_is("classifier: { kind: target }\n", "incomplete");
    code_is("classifier: { kind: target, target: b }\n", "unknown_name");
    code_is("classifier: { kind: rules, target: a }\n", "no_effect");
    code_is("classifier: { kind: endpoint, target: a, url: http://127.0.0.1:9/x }\n", "no_effect");
}

static void endpoint_is_parsed(void)
{
    struct loading loading;
    const struct snapshot *s =
        load(&loading, FLEET "classifier: { kind: endpoint, url: http://127.0.0.1:9/x }\n");
    if (s != NULL) {
        EXPECT_SLICE(s->classifier.url, "http://127.0.0.1:9/x");
        EXPECT_INT(s->classifier.endpoint.port, 9);
        EXPECT_INT(s->classifier.target, NO_TARGET);
    }
    loading_end(&loading);
}

/* Files are beside the configuration, wherever the program was started. */
static void files_are_beside_the_configuration(void)
{
    static const char folder[] = "tests/unit/config/golden/";
    struct loading loading;
    const char *text = FLEET "ledger: { path: data/s.db }\n"
                             "server: { tls: { certificate: bom.yaml, key: ./crlf.yaml } }\n";
    char path[200];
    snprintf(path, sizeof(path), "%sx.yaml", folder);
    const struct snapshot *s = loading_begin(&loading, slice_from_cstr(text), path, NULL);
    EXPECT(s != NULL);
    if (s != NULL) {
        EXPECT_SLICE(s->ledger_path, "tests/unit/config/golden/data/s.db");
        EXPECT_SLICE(s->server.tls_certificate, "tests/unit/config/golden/bom.yaml");
        EXPECT_SLICE(s->server.tls_key, "tests/unit/config/golden/./crlf.yaml");
    }
    loading_end(&loading);
}

static void web_pages(void)
{
    static const char *const bad[] = {"app.example",
                                      "https://",
                                      "https://app.example/",
                                      "https://a b",
                                      "https://*.example",
                                      "https://a,https://b",
                                      "://x",
                                      "*"};
    struct loading loading;
    const struct snapshot *s =
        load(&loading, FLEET "server: { cors: { origins: [https://app.example, 'http://[::1]:80',\n"
                             "  'chrome-extension://abc'], max_age: 1h } }\n");
    if (s != NULL) {
        EXPECT_INT(s->server.cors_origin_count, 3);
        EXPECT_SLICE(s->server.cors_origins[1], "http://[::1]:80");
        EXPECT_INT(s->server.cors_max_age_ms, 3600000);
    }
    loading_end(&loading);
    s = load(&loading, FLEET "keys: { required: true }\nserver: { cors: { origins: '*' } }\n");
    EXPECT(s != NULL && s->server.cors_origin_count == 1);
    loading_end(&loading);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[256];
        snprintf(text, sizeof(text), FLEET "server: { cors: { origins: ['%s'] } }\n", bad[i]);
        EXPECT(loading_cstr(&loading, text) == NULL);
        loading_end(&loading);
    }
}

int main(void)
{
    TEST(has_defaults, "every setting has its default");
    TEST(takes_what_is_given, "takes what is given");
    TEST(refuses_open_listeners, "refuses to listen beyond loopback without keys");
    TEST(checks_sections_together, "checks sections against each other");
    TEST(keeps_the_classifier_here, "a classifier endpoint is on loopback");
    TEST(endpoint_is_parsed, "the endpoint is parsed");
    TEST(files_are_beside_the_configuration, "files are beside the configuration");
    TEST(web_pages, "origins of web pages are read, and what is none is refused");
    return tap_done();
}
