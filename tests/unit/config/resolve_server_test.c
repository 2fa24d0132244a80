/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"
#include "tests/unit/net/certificate.h"

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

/* --- files beside the configuration --- */

static char folder[] = "/tmp/sluice-server-XXXXXX";

static void key_save(EVP_PKEY *key, const char *name, const char *passphrase)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL &&
          PEM_write_PrivateKey(file, key, passphrase == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0,
                               NULL, (void *)(uintptr_t)passphrase) == 1);
    fclose(file);
}

static void certificate_put(const struct certificate *certificate, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && PEM_write_X509(file, certificate->x509) == 1);
    fclose(file);
}

static void text_put(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0);
    fclose(file);
}

static void files_make(void)
{
    struct certificate own = certificate_new(NULL, "own", NULL, 9);
    struct certificate other = certificate_new(NULL, "other", NULL, 9);
    CHECK(mkdtemp(folder) != NULL);
    certificate_put(&own, "own.pem");
    key_save(own.key, "own.key", NULL);
    key_save(own.key, "locked.key", "secret");
    key_save(other.key, "other.key", NULL);
    text_put("empty.pem", "");
    text_put("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    certificate_free(&own);
    certificate_free(&other);
}

static void files_remove(void)
{
    static const char *const names[] = {"own.pem",   "own.key",   "locked.key",
                                        "other.key", "empty.pem", "broken.pem"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* What a configuration in that folder is told; "" where it is sound. */
static void folder_says(const char *sections, const char *wanted)
{
    struct loading loading;
    char text[512];
    char path[64];
    snprintf(text, sizeof text, FLEET "%s", sections);
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    const struct snapshot *s = loading_begin(&loading, slice_from_cstr(text), path, NULL);
    EXPECT_INT(s != NULL, wanted[0] == '\0');
    if (slice_find_slice(loading_text(&loading), slice_from_cstr(wanted)) == SIZE_MAX) {
        printf("# %.*s\n", SLICE_ARG(loading_text(&loading)));
    }
    EXPECT(slice_find_slice(loading_text(&loading), slice_from_cstr(wanted)) != SIZE_MAX);
    loading_end(&loading);
}

static void looks_into_pem_files(void)
{
    folder_says("server: { tls: { certificate: own.pem, key: own.key } }\n", "");
    folder_says("server: { tls: { certificate: own.pem, key: other.key } }\n",
                "is not the key of the certificate");
    folder_says("server: { tls: { certificate: own.pem, key: locked.key } }\n",
                "has no private key in PEM");
    folder_says("server: { tls: { certificate: own.pem, key: own.pem } }\n",
                "has no private key in PEM");
    folder_says("server: { tls: { certificate: own.key, key: own.key } }\n",
                "has no certificate in PEM");
    folder_says("keys: { jwt: { issuer: a, audience: b, jwks_url: 'https://h/', ca_file: "
                "empty.pem } }\n",
                "has no certificate in PEM");
    folder_says("keys: { jwt: { issuer: a, audience: b, jwks_url: 'https://h/', ca_file: "
                "broken.pem } }\n",
                "has a certificate that cannot be read");
}

static void files_are_beside_the_configuration(void)
{
    struct loading loading;
    char wanted[64];
    char path[64];
    snprintf(path, sizeof(path), "%s/x.yaml", folder);
    const struct snapshot *s = loading_begin(
        &loading,
        SLICE(FLEET "ledger: { path: data/s.db }\n"
                    "server: { tls: { certificate: own.pem, key: ./own.key } }\n"),
        path, NULL);
    EXPECT(s != NULL);
    if (s != NULL) {
        snprintf(wanted, sizeof wanted, "%s/data/s.db", folder);
        EXPECT_SLICE(s->ledger_path, wanted);
        snprintf(wanted, sizeof wanted, "%s/own.pem", folder);
        EXPECT_SLICE(s->server.tls_certificate, wanted);
        snprintf(wanted, sizeof wanted, "%s/./own.key", folder);
        EXPECT_SLICE(s->server.tls_key, wanted);
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
    files_make();
    TEST(looks_into_pem_files, "a file that is no certificate or key is told at its place");
    TEST(files_are_beside_the_configuration, "files are beside the configuration");
    files_remove();
    TEST(web_pages, "origins of web pages are read, and what is none is refused");
    return tap_done();
}
