/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#define ONE_LOCAL "targets: { m: { provider: p, model: m } }\nprices: { unknown: allow }\n"

static const struct provider *load_one(struct loading *loading, const char *text,
                                       const char *const *environment)
{
    static const struct provider none;
    loading_begin(loading, slice_from_cstr(text), TESTING_FILE, environment);
    if (loading->snapshot == NULL) {
        printf("# %.*s\n", SLICE_ARG(loading_text(loading)));
    }
    EXPECT(loading->snapshot != NULL);
    return loading->snapshot == NULL ? &none : &loading->snapshot->providers[0];
}

static void headers_are(const char *text, const char *const *environment, const char *wanted)
{
    struct loading loading;
    const struct provider *provider = load_one(&loading, text, environment);
    EXPECT_SLICE(provider->headers, wanted);
    loading_end(&loading);
}

static void takes_everything_from_the_preset(void)
{
    static const char *const environment[] = {"OPENAI_API_KEY=k1", NULL};
    struct loading loading;
    const struct provider *provider =
        load_one(&loading, "providers: { openai: {} }\n", environment);
    EXPECT_SLICE(provider->name, "openai");
    EXPECT_SLICE(provider->base_url, "https://api.openai.com/v1");
    EXPECT(provider->url.https);
    EXPECT_INT(provider->url.port, 443);
    EXPECT_SLICE(provider->headers, "Authorization: Bearer k1\r\n");
    EXPECT(provider->has_credential && !provider->insecure);
    EXPECT_INT(provider->dialects, provider->preset->dialects);
    EXPECT_INT(provider->quirks, provider->preset->quirks);
    EXPECT_INT(provider->timeouts.connect, 8000);
    EXPECT_INT(provider->timeouts.first_byte, 120000);
    EXPECT_INT(provider->timeouts.idle, 60000);
    EXPECT_INT(provider->timeouts.total, 600000);
    EXPECT_INT(provider->proxy.len, 0);
    EXPECT_INT(provider->ca_file.len, 0);
    loading_end(&loading);
}

static void takes_what_is_given(void)
{
    struct loading loading;
    const struct provider *provider = load_one(
        &loading,
        "providers: { p: { preset: vllm, base_url: \"http://127.0.0.1:9/x//\", local: false,\n"
        "  connect_timeout: 1s, first_byte_timeout: 2s, idle_timeout: 3s, total_timeout: 4s,\n"
        "  insecure_skip_verify: true, api_key: k } }\n" ONE_LOCAL,
        NULL);
    EXPECT_SLICE(provider->base_url, "http://127.0.0.1:9/x");
    EXPECT_SLICE(provider->url.path, "/x");
    EXPECT((provider->quirks & QUIRK_LOCAL) == 0);
    EXPECT_INT(provider->timeouts.connect, 1000);
    EXPECT_INT(provider->timeouts.first_byte, 2000);
    EXPECT_INT(provider->timeouts.idle, 3000);
    EXPECT_INT(provider->timeouts.total, 4000);
    EXPECT(provider->insecure);
    EXPECT(loading_find(&loading, "insecure") != NULL);
    loading_end(&loading);
    provider = load_one(&loading,
                        "providers: { p: { base_url: http://127.0.0.1:9, local: true } }\n"
                        "targets: { m: { provider: p, model: m } }\n",
                        NULL);
    EXPECT_SLICE(slice_from_cstr(provider->preset->name), "openai-compatible");
    EXPECT((provider->quirks & QUIRK_LOCAL) != 0);
    EXPECT(loading.snapshot != NULL && loading.snapshot->policy.targets[0].local);
    loading_end(&loading);
}

/* The environment's key goes nowhere but to the vendor. */
static void binds_credentials_to_addresses(void)
{
    static const char *const key[] = {"OPENAI_API_KEY=envkey", NULL};
    static const char *const both[] = {"OPENAI_API_KEY=envkey",
                                       "OPENAI_BASE_URL=http://127.0.0.1:7/v1", NULL};
    static const struct {
        const char *options;
        const char *const *environment;
        const char *headers;
    } rows[] = {
        {"", key, "Authorization: Bearer envkey\r\n"},
        {"base_url: https://api.openai.com/v2", key, "Authorization: Bearer envkey\r\n"},
        {"base_url: https://api.openai.com:443/v1", key, "Authorization: Bearer envkey\r\n"},
        {"base_url: https://API.openai.com", key, "Authorization: Bearer envkey\r\n"},
        {"base_url: https://api.openai.com.evil.example/v1", key, ""},
        {"base_url: https://api.openai.com:8443/v1", key, ""},
        {"base_url: http://api.openai.com/v1", key, ""},
        {"base_url: http://127.0.0.1:9/v1", key, ""},
        {"base_url: http://127.0.0.1:9/v1, api_key: own", key, "Authorization: Bearer own\r\n"},
        {"api_key: own", key, "Authorization: Bearer own\r\n"},
        {"", both, "Authorization: Bearer envkey\r\n"},
        {"base_url: http://127.0.0.1:9/v1", both, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[300];
        snprintf(text, sizeof(text), "providers: { p: { preset: openai, %s } }\n", rows[i].options);
        headers_are(text, rows[i].environment, rows[i].headers);
    }
    struct loading loading;
    const struct provider *provider = load_one(&loading, "providers: { openai: {} }\n", both);
    EXPECT_SLICE(provider->base_url, "http://127.0.0.1:7/v1");
    loading_end(&loading);
}

static void writes_headers(void)
{
    static const char *const environment[] = {"KEY=  padded key \n", "OTHER=x", NULL};
    headers_are("providers: { p: { preset: openai, api_key: \"${KEY}\",\n"
                "  headers: { X-Team: \" a b \", X_2: \"${OTHER}\" } } }\n",
                environment, "Authorization: Bearer padded key\r\nX-Team: a b\r\nX_2: x\r\n");
    headers_are("providers: { p: { preset: ollama, api_key: k } }\n" ONE_LOCAL, NULL,
                "Authorization: Bearer k\r\n");
    headers_are("providers: { p: { preset: ollama } }\n" ONE_LOCAL, NULL, "");
    struct loading loading;
    const struct provider *provider = load_one(
        &loading, "providers: { openai: { headers: { authorization: Basic x } } }\n", NULL);
    EXPECT(provider->has_credential);
    EXPECT_INT(loading.diagnostics.count, 0);
    loading_end(&loading);
}

static void refused(const char *text, const char *const *environment, const char *code,
                    unsigned line)
{
    struct loading loading;
    loading_begin(&loading, slice_from_cstr(text), TESTING_FILE, environment);
    EXPECT(loading.snapshot == NULL);
    const struct diagnostic *item = loading_find(&loading, code);
    EXPECT(item != NULL);
    if (item != NULL) {
        EXPECT_INT(item->severity, SEVERITY_ERROR);
        EXPECT_INT(item->line, line);
    } else {
        printf("# %.*s\n", SLICE_ARG(loading_text(&loading)));
    }
    loading_end(&loading);
}

static void refuses_header_injection(void)
{
    static const char *const values[] = {
        "KEY=a\r\nHost: evil", "KEY=a\nb", "KEY=a\rb", "KEY=a\tb", "KEY=\x7f", "KEY=\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        const char *const environment[] = {values[i], NULL};
        refused("providers:\n  openai: { api_key: \"${KEY}\" }\n", environment, "bad_value", 2);
        refused("providers:\n  openai: { api_key: k, headers: { X: \"${KEY}\" } }\n", environment,
                "bad_value", 2);
    }
    refused("providers:\n  openai: { headers: { \"X\\r\\nY\": b } }\n", NULL, "bad_name", 2);
    refused("providers:\n  openai: { headers: { \"X:\": b } }\n", NULL, "bad_name", 2);
    refused("providers:\n  openai: { headers: { \"\": b } }\n", NULL, "bad_name", 2);
    refused("providers:\n  openai: { headers: { hOST: b } }\n", NULL, "bad_name", 2);
    refused("providers:\n  openai: { headers: { Transfer-Encoding: chunked } }\n", NULL, "bad_name",
            2);
    refused("providers:\n  openai: { api_key: k, headers: { authorization: b } }\n", NULL,
            "contradiction", 2);
    refused("providers:\n  openai: { headers: { X-a: b, x-A: c } }\n", NULL, "duplicate_key", 2);
}

static void bounds_headers(void)
{
    struct buf text = BUF_INIT(1u << 20);
    struct loading loading;
    buf_append_cstr(&text, "providers:\n  openai:\n    headers:\n");
    for (int i = 0; i < 40; i++) {
        buf_printf(&text, "      X-%d: %01000d\n", i, i);
    }
    loading_begin(&loading, buf_slice(&text), TESTING_FILE, NULL);
    EXPECT(loading.snapshot == NULL);
    EXPECT(loading_find(&loading, "too_large") != NULL);
    loading_end(&loading);
    buf_release(&text);
}

static void proxy_is(const char *text, const char *const *environment, const char *wanted)
{
    struct loading loading;
    const struct provider *provider = load_one(&loading, text, environment);
    EXPECT_SLICE(provider->proxy, wanted);
    loading_end(&loading);
}

static void chooses_proxies(void)
{
    static const char *const secure[] = {"HTTPS_PROXY=http://s:1", "HTTP_PROXY=http://p:2", NULL};
    static const char *const lower[] = {"https_proxy=http://l:1", "HTTPS_PROXY=http://s:1",
                                        "http_proxy= http://p:2 ", NULL};
    static const char *const except[] = {"HTTPS_PROXY=http://s:1", "NO_PROXY=openai.com", NULL};
    static const char *const both[] = {"HTTPS_PROXY=http://s:1", "no_proxy=x",
                                       "NO_PROXY=openai.com", NULL};
    const char *vendor = "providers: { openai: { api_key: k } }\n";
    const char *plain = "providers: { p: { preset: openai, api_key: k, base_url: http://h/v1 } }\n";
    const char *loopback =
        "providers: { p: { preset: openai, base_url: \"http://[::1]:9/v1\" } }\n";
    proxy_is(vendor, NULL, "");
    proxy_is(vendor, secure, "http://s:1");
    proxy_is(plain, secure, ""); /* HTTP_PROXY in capitals is not read */
    proxy_is(vendor, lower, "http://l:1");
    proxy_is(plain, lower, "http://p:2");
    proxy_is(loopback, lower, "");
    proxy_is(vendor, except, "");
    proxy_is(vendor, both, "http://s:1");
    static const char *const bad[] = {"HTTPS_PROXY=socks5://user:hidden@h:1", NULL};
    refused(vendor, bad, "bad_proxy", 1);
    struct loading loading;
    loading_begin(&loading, slice_from_cstr(vendor), TESTING_FILE, bad);
    EXPECT(slice_find_slice(loading_text(&loading), SLICE("hidden")) == SIZE_MAX);
    loading_end(&loading);
}

static void warns(const char *text, const char *const *environment, const char *code)
{
    struct loading loading;
    (void)load_one(&loading, text, environment);
    if (code == NULL) {
        EXPECT_INT(loading.diagnostics.count, 0);
    } else {
        EXPECT(loading_find(&loading, code) != NULL);
    }
    loading_end(&loading);
}

static void names_one_dialect(void)
{
    static const struct {
        const char *name;
        unsigned dialect;
    } rows[] = {
        {"openai-chat", PROVIDER_DIALECT_OPENAI_CHAT},
        {"openai-responses", PROVIDER_DIALECT_OPENAI_RESPONSES},
        {"ollama", PROVIDER_DIALECT_OLLAMA},
        {"anthropic", PROVIDER_DIALECT_ANTHROPIC},
        {"gemini", PROVIDER_DIALECT_GEMINI},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        snprintf(text, sizeof(text),
                 "providers: { p: { preset: openai, api_key: k, dialect: %s } }\n", rows[i].name);
        struct loading loading;
        const struct provider *provider = load_one(&loading, text, NULL);
        EXPECT_INT(provider->default_dialect, rows[i].dialect);
        EXPECT_INT(provider->dialects, (1u << rows[i].dialect) |
                                           PROVIDER_SPEAKS_OPENAI_COMPLETIONS |
                                           PROVIDER_SPEAKS_OPENAI_EMBEDDINGS);
        loading_end(&loading);
    }
}

static void warns_about_credentials(void)
{
    warns("providers: { openai: {} }\n", NULL, "no_credential");
    warns("providers: { openai: { base_url: https://h/v1 } }\n", NULL, "no_credential");
    warns("providers: { openai: { base_url: http://127.0.0.1:1/v1 } }\n", NULL, NULL);
    warns("providers: { p: { preset: ollama } }\n" ONE_LOCAL, NULL, NULL);
    warns("providers: { openai: { api_key: k, base_url: http://h/v1 } }\n", NULL, "plain_http");
    warns("providers: { openai: { api_key: k, base_url: http://127.0.0.1:1 } }\n", NULL, NULL);
    warns("providers: { openai: { api_key: k, base_url: https://h/v1/models } }\n", NULL,
          "base_url");
}

int main(void)
{
    TEST(takes_everything_from_the_preset, "takes what is not given from the preset");
    TEST(takes_what_is_given, "takes what is given");
    TEST(names_one_dialect, "a dialect that is named is the only one for chats");
    TEST(binds_credentials_to_addresses, "sends the environment's key to the vendor only");
    TEST(writes_headers, "writes credential and headers");
    TEST(refuses_header_injection, "refuses what would break out of a header");
    TEST(bounds_headers, "headers have a ceiling");
    TEST(chooses_proxies, "chooses the proxy of the environment, and hides its password");
    TEST(warns_about_credentials, "warns about missing keys and plain HTTP");
    return tap_done();
}
