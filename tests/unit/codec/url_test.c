/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/url.h"

#include "tests/tap.h"

static struct url parsed(const char *text)
{
    struct url url = {0};
    struct error error;
    error_clear(&error);
    if (!url_parse(slice_from_cstr(text), &url, &error)) {
        printf("# %s: %s\n", text, error.text);
        EXPECT(false);
    }
    return url;
}

static void test_parts(void)
{
    struct url url = parsed("https://api.openai.com/v1/chat?x=1&y=%20");
    EXPECT(url.https && !url.host_is_ipv6);
    EXPECT_INT(url.port, 443);
    EXPECT_SLICE(url.host, "api.openai.com");
    EXPECT_SLICE(url.authority, "api.openai.com");
    EXPECT_SLICE(url.path, "/v1/chat");
    EXPECT_SLICE(url.query, "x=1&y=%20");
    url = parsed("HTTP://localhost:11434");
    EXPECT(!url.https);
    EXPECT_INT(url.port, 11434);
    EXPECT_SLICE(url.authority, "localhost:11434");
    EXPECT_INT(url.path.len, 0);
    EXPECT_INT(url.query.len, 0);
    url = parsed("http://h?q");
    EXPECT_INT(url.path.len, 0);
    EXPECT_SLICE(url.query, "q");
    url = parsed("http://h/a?b?c");
    EXPECT_SLICE(url.path, "/a");
    EXPECT_SLICE(url.query, "b?c");
    url =
        parsed("https://generativelanguage.googleapis.com/v1beta/models/m:generateContent?alt=sse");
    EXPECT_SLICE(url.path, "/v1beta/models/m:generateContent");
}

static void test_addresses(void)
{
    struct url url = parsed("http://[::1]:8080/x");
    EXPECT(url.host_is_ipv6);
    EXPECT_SLICE(url.host, "::1");
    EXPECT_SLICE(url.authority, "[::1]:8080");
    EXPECT_INT(url.port, 8080);
    url = parsed("https://[2001:db8::7]");
    EXPECT_SLICE(url.host, "2001:db8::7");
    EXPECT_INT(url.port, 443);
    EXPECT_SLICE(parsed("http://192.168.1.10:1/").host, "192.168.1.10");
    EXPECT_INT(parsed("http://h:65535").port, 65535);
    EXPECT_SLICE(parsed("http://my_host-1.x0/").host, "my_host-1.x0");
}

static const char *const refused[] = {
    "",
    "http",
    "http:",
    "http:/",
    "http://",
    "https://",
    "ftp://h/",
    "//h/",
    "h/",
    "/x",
    "http:///x",
    "http://:80/",
    "http://?q",
    "http://user@h/",
    "http://user:secret@h/",
    "http://h/#f",
    "http://h#f",
    "http://h/a b",
    "http://h/a\tb",
    "http://h/a\nb",
    "http://h\r/",
    "http://h/%",
    "http://h/%2",
    "http://h/%2g",
    "http://h/\xC3\xA4",
    "http://h\xC3\xA4/",
    "http://h/a\\b",
    "http://h\\x/",
    "http://h/<x>",
    "http://h/\"",
    "http://h/{m}",
    "http://h/^",
    "http://h:/",
    "http://h:0/",
    "http://h:65536/",
    "http://h:999999999999/",
    "http://h:8x/",
    "http://h:-1/",
    "http://h:+1/",
    "http://h: 1/",
    "http://h:80:80/",
    "http://a..b/",
    "http://.a/",
    "http://a./",
    "http://./",
    "http://*/",
    "http://h%2e/",
    "http://[::1/",
    "http://[]/",
    "http://[::g]/",
    "http://[1.2.3.4]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1]x/",
    "http://[::1]80/",
    "http://::1/",
    "http://1.2.3/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://1.2.3.4.5/",
    "http://1.2.3.256/",
    "http://01.2.3.4/",
    "http://a.0x1/",
    "http://a.1/",
    " http://h/",
    "http://h/ ",
    "http:// h/",
};

static void test_refuses(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct url url = {.port = 7};
        struct error error;
        error_clear(&error);
        bool ok = !url_parse(slice_from_cstr(refused[i]), &url, &error);
        if (!ok) {
            printf("# not refused: %s\n", refused[i]);
        }
        EXPECT(ok);
        EXPECT_INT(url.port, 7);
        EXPECT_INT(error.kind, ERROR_INVALID);
        EXPECT(error.code != NULL && strcmp(error.code, "invalid_url") == 0);
        EXPECT(strstr(error.text, "secret") == NULL);
    }
    EXPECT(!url_parse(SLICE("http://h/\0x"), &(struct url){0}, NULL));
    EXPECT(!url_parse(SLICE("http://h\0x/"), &(struct url){0}, NULL));
    EXPECT(!url_parse(SLICE("http://[::1\0]/"), &(struct url){0}, NULL));
    EXPECT(!url_parse(SLICE("http://[::1\0.evil.example]/"), &(struct url){0}, NULL));
}

static void test_long_texts(void)
{
    static char text[5000];
    struct url url;
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://h/", 9);
    EXPECT(url_parse(slice_of(text, 4096), &url, NULL));
    EXPECT(!url_parse(slice_of(text, 4097), &url, NULL));
    memset(text + 7, 'a', 100);
    EXPECT(!url_parse(slice_of(text, 7 + 64), &url, NULL));
    EXPECT(url_parse(slice_of(text, 7 + 63), &url, NULL));
    for (size_t i = 7 + 63; i < 400; i += 64) {
        text[i] = '.';
    }
    EXPECT(url_parse(slice_of(text, 7 + 253), &url, NULL));
    EXPECT(!url_parse(slice_of(text, 7 + 254), &url, NULL));
}

static bool same(const char *a, const char *b)
{
    struct url left = parsed(a);
    struct url right = parsed(b);
    EXPECT(url_same_origin(&left, &right) == url_same_origin(&right, &left));
    return url_same_origin(&left, &right);
}

static void test_origins(void)
{
    EXPECT(same("https://a.example/x", "https://A.EXAMPLE:443/y?z"));
    EXPECT(same("http://h", "HTTP://h:80"));
    EXPECT(!same("http://h", "https://h"));
    EXPECT(!same("http://h:443", "https://h:443"));
    EXPECT(!same("http://h", "http://h:81"));
    EXPECT(!same("http://h", "http://h.example"));
    EXPECT(same("http://[::1]", "http://[0:0:0:0:0:0:0:1]"));
    EXPECT(same("http://[2001:DB8::1]", "http://[2001:db8::1]"));
    EXPECT(!same("http://[::1]", "http://[::2]"));
    EXPECT(!same("http://[::1]", "http://localhost"));
}

static bool loopback(const char *text)
{
    struct url url = parsed(text);
    return url_is_loopback(&url);
}

static void test_loopback(void)
{
    EXPECT(loopback("http://127.0.0.1:1/"));
    EXPECT(loopback("http://127.255.0.9/"));
    EXPECT(loopback("http://[::1]/"));
    EXPECT(loopback("http://[0:0::1]/"));
    EXPECT(loopback("http://[::ffff:127.0.0.1]/"));
    EXPECT(loopback("http://LocalHost/"));
    EXPECT(!loopback("http://128.0.0.1/"));
    EXPECT(!loopback("http://0.0.0.0/"));
    EXPECT(!loopback("http://[::]/"));
    EXPECT(!loopback("http://[::ffff:10.0.0.1]/"));
    EXPECT(!loopback("http://localhost.example/"));
    EXPECT(!loopback("http://127.0.0.1.example/"));
}

int main(void)
{
    TEST(test_parts, "a URL is split into its parts");
    TEST(test_addresses, "addresses and ports are read");
    TEST(test_refuses, "what is dangerous or wrong is refused, without repeating it");
    TEST(test_long_texts, "lengths are bounded");
    TEST(test_origins, "an origin is scheme, host and port");
    TEST(test_loopback, "loopback is recognised in every spelling that is allowed");
    return tap_done();
}
