/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/url_proxy.h"

#include "tests/tap.h"

static struct slice proxy_for(const char *text, const char *no_proxy)
{
    struct url url;

    CHECK(url_parse(slice_from_cstr(text), &url, NULL));
    struct slice found = url_proxy_for(&url, SLICE("http://secure:1"), SLICE("http://plain:2"),
                                       slice_from_cstr(no_proxy));
    return found.len == 0 ? SLICE("none") : found;
}

static void chooses_by_scheme(void)
{
    struct url url;

    EXPECT_SLICE(proxy_for("https://a.test", ""), "http://secure:1");
    EXPECT_SLICE(proxy_for("http://a.test", ""), "http://plain:2");
    CHECK(url_parse(SLICE("https://a.test"), &url, NULL));
    EXPECT_INT(url_proxy_for(&url, SLICE_EMPTY, SLICE("http://plain:2"), SLICE_EMPTY).len, 0);
}

static void obeys_no_proxy(void)
{
    static const struct {
        const char *url;
        const char *no_proxy;
        bool proxied;
    } rows[] = {
        {"https://localhost", "", false},
        {"https://127.0.0.1:8080", "", false},
        {"https://127.9.9.9", "", false},
        {"https://[::1]", "", false},
        {"https://a.test", "*", false},
        {"https://a.test", "x, * ,y", false},
        {"https://a.test", "a.test", false},
        {"https://A.Test", "a.tEST", false},
        {"https://b.a.test", "a.test", false},
        {"https://b.a.test", ".a.test", false},
        {"https://a.test", ".a.test", false},
        {"https://b.a.test", "*.a.test", false},
        {"https://ba.test", "a.test", true},
        {"https://a.test.evil", "a.test", true},
        {"https://test", "a.test", true},
        {"https://a.test", "b.test c.test\ta.test", false},
        {"https://a.test", "b.test,,a.test", false},
        {"https://a.test", "a.test:443", false},
        {"https://a.test", "a.test:80", true},
        {"https://a.test:8443", "a.test:8443", false},
        {"https://a.test", "a.test:x", true},
        {"https://10.1.2.3", "10.1.2.3", false},
        {"https://10.1.2.3", "10.0.0.0/8", false},
        {"https://10.1.2.3", "10.1.2.0/23", false},
        {"https://10.1.4.3", "10.1.2.0/23", true},
        {"https://10.1.2.3", "10.1.2.3/32", false},
        {"https://11.1.2.3", "0.0.0.0/0", false},
        {"https://10.1.2.3", "10.0.0.0/33", true},
        {"https://10.1.2.3", "2.3", true},
        {"https://10.1.2.3", "10.0.0.0/x", true},
        {"https://[2001:db8::1]", "2001:db8::1", false},
        {"https://[2001:db8::1]", "[2001:DB8:0::1]", false},
        {"https://[2001:db8::1]:444", "[2001:db8::1]:444", false},
        {"https://[2001:db8::1]:444", "[2001:db8::1]:443", true},
        {"https://[2001:db8::1]", "2001:db8::/32", false},
        {"https://[2001:db9::1]", "2001:db8::/32", true},
        {"https://[2001:db8::1]", "[2001:db8::1", true},
        {"https://a.test", ". [ ] : / ,", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool proxied = !slice_eq(proxy_for(rows[i].url, rows[i].no_proxy), SLICE("none"));
        EXPECT_INT(proxied, rows[i].proxied);
        if (proxied != rows[i].proxied) {
            printf("# %s with %s\n", rows[i].url, rows[i].no_proxy);
        }
    }
}

static void validates_proxies(void)
{
    static const char *const good[] = {
        "http://proxy.test",        "http://proxy.test:3128/", "HTTP://u:p@proxy.test:8080",
        "proxy.test:3128",          " http://10.0.0.1:8 ",     "[2001:db8::5]:80",
        "http://u@x:p@proxy.test/",
    };
    static const char *const bad[] = {
        "",
        "http://",
        "https://proxy.test",
        "socks5://proxy.test:1080",
        "http://u:p@",
        "http://a b",
        "http://proxy.test:0",
        "http://proxy.test:99999",
        "http://127.1:80",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        EXPECT(url_proxy_is_valid(slice_from_cstr(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        EXPECT(!url_proxy_is_valid(slice_from_cstr(bad[i])));
    }
    EXPECT(!url_proxy_is_valid(SLICE("http://proxy\0.test")));
}

int main(void)
{
    TEST(chooses_by_scheme, "chooses the proxy by scheme");
    TEST(obeys_no_proxy, "obeys NO_PROXY, and never proxies loopback");
    TEST(validates_proxies, "tells usable proxies from others");
    return tap_done();
}
