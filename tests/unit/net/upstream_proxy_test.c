/* SPDX-License-Identifier: Apache-2.0 */
/* Origins, their pool keys, and requests through proxies. */
#include "tests/unit/net/certificate.h"
#include "tests/unit/net/upstream_fixture.h"

static struct fixture f;

/* --- origins --- */

static bool origin_try(struct upstream_origin *origin, const char *text, const char *proxy,
                       struct error *error)
{
    struct url url;

    CHECK(url_parse(slice_from_cstr(text), &url, NULL));
    return upstream_origin_init(origin, &url, SLICE("Authorization: Bearer s3cret\r\n"),
                                SLICE_EMPTY, slice_from_cstr(proxy), error);
}

static void keeps_what_belongs_to_an_origin(void)
{
    struct upstream_origin origin;

    EXPECT(origin_try(&origin, "https://API.Example.com:8443/v1",
                      "http://us%40er:p%3Ass@proxy.test:3128/", NULL));
    EXPECT(origin.https && origin.port == 8443 && origin.proxy_port == 3128);
    EXPECT_SLICE(slice_from_cstr(origin.host), "api.example.com");
    EXPECT_SLICE(slice_from_cstr(origin.authority), "API.Example.com:8443");
    EXPECT_SLICE(slice_from_cstr(origin.headers), "Authorization: Bearer s3cret\r\n");
    EXPECT_SLICE(slice_from_cstr(origin.proxy_host), "proxy.test");
    /* base64("us@er:p:ss") */
    EXPECT_SLICE(slice_from_cstr(origin.proxy_headers),
                 "Proxy-Authorization: Basic dXNAZXI6cDpzcw==\r\n");
    EXPECT(strstr(origin.pool_key, "s3cret") == NULL && strstr(origin.pool_key, "dXNA") == NULL &&
           strstr(origin.pool_key, "us@er") == NULL);
    upstream_origin_release(&origin);
    EXPECT(origin.headers == NULL && origin.pool_key == NULL);
}

static void keys_tell_connections_apart(void)
{
    static const struct {
        const char *url;
        const char *proxy;
    } rows[] = {
        {"http://a.test", ""},
        {"https://a.test", ""},
        {"http://a.test:81", ""},
        {"http://b.test", ""},
        {"http://a.test", "http://proxy.test"},
        {"http://a.test", "http://proxy.test:81"},
        {"http://a.test", "http://u:p@proxy.test"},
        {"http://a.test", "http://u:q@proxy.test"},
    };
    struct upstream_origin made[ARRAY_LEN(rows)];
    struct upstream_origin same;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT(origin_try(&made[i], rows[i].url, rows[i].proxy, NULL));
        for (size_t k = 0; k < i; k++) {
            EXPECT(strcmp(made[i].pool_key, made[k].pool_key) != 0);
        }
    }
    EXPECT(origin_try(&same, "http://A.TEST:80/path?query", "", NULL));
    EXPECT(strcmp(same.pool_key, made[0].pool_key) == 0);
    upstream_origin_release(&same);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        upstream_origin_release(&made[i]);
    }
}

static void refuses_proxies_it_cannot_use(void)
{
    static const char *const proxies[] = {
        "https://user:hidden@proxy.test",
        "socks5://proxy.test",
        "http://",
        "http://user:hidden@",
        "http://a b",
        "http://proxy.test:0x50",
        "http://user:%zz@proxy.test",
        "http://user:hidden@proxy.test:99999",
    };

    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        struct upstream_origin origin;
        struct error error = {0};
        EXPECT(!origin_try(&origin, "http://a.test", proxies[i], &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "invalid_proxy");
        EXPECT(strstr(error.text, "hidden") == NULL);
    }
}

static void accepts_a_proxy_without_a_scheme(void)
{
    struct upstream_origin origin;

    EXPECT(origin_try(&origin, "http://a.test", " proxy.test:8080 ", NULL));
    EXPECT_SLICE(slice_from_cstr(origin.proxy_host), "proxy.test");
    EXPECT_INT(origin.proxy_port, 8080);
    upstream_origin_release(&origin);
    EXPECT(origin_try(&origin, "http://a.test", "http://[2001:db8::5]:8080", NULL));
    EXPECT_SLICE(slice_from_cstr(origin.proxy_host), "2001:db8::5");
    upstream_origin_release(&origin);
}

/* --- through a proxy --- */

static char proxy_url[128];

static void proxied_fixture(const char *origin, const char *ca_file)
{
    fixture_init_with(&f, "127.0.0.1", &upstream_default_limits);
    snprintf(proxy_url, sizeof(proxy_url), "http://user:pass@127.0.0.1:%u", f.port);
    origin_for(&f.origin, origin, "Authorization: Bearer secret\r\n", ca_file, proxy_url);
}

static struct buf first_head;
static struct buf second_head;

static void record_and_answer(struct peer *peer, struct slice head, struct slice body)
{
    (void)body;
    buf_clear(&first_head);
    buf_append(&first_head, head);
    peer_send(peer, OK_ANSWER);
}

static void sends_plain_http_in_absolute_form(void)
{
    struct call call;

    proxied_fixture("http://api.test:8000/base", "");
    f.on_request = record_and_answer;
    for (int i = 0; i < 2; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT_INT(call.r.reused, i);
        EXPECT_SLICE(buf_slice(&first_head),
                     "POST http://api.test:8000/v1/x?y=z HTTP/1.1\r\nHost: api.test:8000\r\n"
                     "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"
                     "Authorization: Bearer secret\r\nContent-Type: application/json\r\n"
                     "Content-Length: 7\r\n\r\n");
        call_release(&call);
    }
    fixture_release(&f);
}

static SSL_CTX *behind;
static const char *proxy_answer;

/* The proxy answers CONNECT; then the same peer is the TLS server behind it. */
static void tunnel_then_tls(struct peer *peer, struct slice head, struct slice body)
{
    (void)body;
    if (slice_starts(head, SLICE("CONNECT "))) {
        buf_clear(&first_head);
        buf_append(&first_head, head);
        peer_send(peer, proxy_answer);
        if (!peer->drip) {
            SSL *ssl = SSL_new(behind);
            SSL_set_accept_state(ssl);
            stream_use_tls(&peer->stream, ssl);
        }
        return;
    }
    buf_clear(&second_head);
    buf_append(&second_head, head);
    peer_send(peer, OK_ANSWER);
}

static void tunnels_https(void)
{
    char path[] = "/tmp/sluice-test-ca-XXXXXX";
    struct certificate authority = certificate_new(NULL, "Test Authority", NULL, 30);
    struct certificate server = certificate_new(&authority, "x", "DNS:api.test", 30);
    struct call call;

    certificate_save(&authority, path);
    behind = certificate_server(&server);
    proxied_fixture("https://api.test:8443/base", path);
    f.on_request = tunnel_then_tls;
    proxy_answer = "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT_INT(call.r.reused, i);
        call_release(&call);
    }
    EXPECT_SLICE(buf_slice(&first_head), "CONNECT api.test:8443 HTTP/1.1\r\nHost: api.test:8443\r\n"
                                         "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    EXPECT_SLICE(buf_slice(&second_head),
                 "POST /v1/x?y=z HTTP/1.1\r\nHost: api.test:8443\r\n"
                 "Authorization: Bearer secret\r\nContent-Type: application/json\r\n"
                 "Content-Length: 7\r\n\r\n");
    EXPECT_INT(f.accepted, 1);
    fixture_release(&f);

    /* Behind the tunnel the certificate must be the origin's. */
    proxied_fixture("https://other.test", path);
    f.on_request = tunnel_then_tls;
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_TLS);
    call_release(&call);
    fixture_release(&f);
    SSL_CTX_free(behind);
    certificate_free(&server);
    certificate_free(&authority);
    unlink(path);
}

static void answer_and_close(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->close_after_out = true;
    peer_send(peer, proxy_answer);
}

static void tunnel_fails(const char *answer, enum upstream_failure failure, const char *detail)
{
    struct call call;

    proxied_fixture("https://api.test", "");
    f.on_request = answer_and_close;
    proxy_answer = answer;
    call_once(&call, &f);
    EXPECT_FAILURE(call, failure);
    EXPECT(strstr(call.detail, detail) != NULL);
    EXPECT(strstr(call.detail, "pass") == NULL);
    EXPECT(!call.r.sent);
    EXPECT_INT(call.heads, 0);
    call_release(&call);
    fixture_release(&f);
}

static void reports_what_the_proxy_says(void)
{
    tunnel_fails("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nlogin",
                 UPSTREAM_CONNECT, "proxy answered 407");
    tunnel_fails("HTTP/1.1 503 No\r\n\r\n", UPSTREAM_CONNECT, "proxy answered 503");
    tunnel_fails("", UPSTREAM_CONNECT, "proxy: connection closed");
    tunnel_fails("HTTP/1.1 2", UPSTREAM_CONNECT, "proxy: connection closed");
    tunnel_fails("SSH-2.0-x\r\n\r\n", UPSTREAM_MALFORMED, "");
    tunnel_fails("HTTP/1.1 200 OK\r\n\r\nearly", UPSTREAM_MALFORMED, "before the tunnel was used");
}

static void drip_tunnel(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->drip = true;
    peer_send(peer, proxy_answer);
}

static void takes_the_proxys_answer_byte_by_byte(void)
{
    struct call call;

    proxied_fixture("https://api.test", "");
    f.on_request = drip_tunnel;
    proxy_answer = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    call_init(&call, &f);
    call_send(&call);
    RUN_UNTIL(&f, call_over(&call) || call.r.connection->handshaking);
    EXPECT(!call_over(&call));
    upstream_cancel(&call.r);
    call_release(&call);
    fixture_release(&f);
}

static void hold_request(struct peer *peer, struct slice head, struct slice body)
{
    (void)peer;
    (void)head;
    (void)body;
}

static void gives_up_on_a_silent_proxy(void)
{
    struct call call;

    proxied_fixture("https://api.test", "");
    f.on_request = hold_request;
    call_init(&call, &f);
    call.r.timeouts.connect = 30;
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_CONNECT_TIMEOUT);
    call_release(&call);
    call_init(&call, &f);
    call_send(&call);
    RUN_UNTIL(&f, f.accepted == 2 && f.peers[1].requests == 1);
    EXPECT_INT(call.r.connection->state, CONNECTION_TUNNEL);
    upstream_cancel(&call.r);
    fixture_turn(&f, 10);
    EXPECT(!call_over(&call));
    call_release(&call);
    fixture_release(&f);
}

int main(void)
{
    buf_init(&first_head, 4096);
    buf_init(&second_head, 4096);
    TEST(keeps_what_belongs_to_an_origin,
         "keeps what belongs to an origin, without secrets in the pool key");
    TEST(keys_tell_connections_apart, "gives different connections different pool keys");
    TEST(refuses_proxies_it_cannot_use,
         "refuses proxies it cannot use without showing their password");
    TEST(accepts_a_proxy_without_a_scheme,
         "accepts a proxy without a scheme or with an IPv6 address");
    TEST(sends_plain_http_in_absolute_form, "sends plain HTTP in absolute form");
    TEST(tunnels_https, "tunnels HTTPS; each credential goes only where it belongs");
    TEST(reports_what_the_proxy_says, "reports what the proxy says");
    TEST(takes_the_proxys_answer_byte_by_byte, "takes the proxy's answer byte by byte");
    TEST(gives_up_on_a_silent_proxy, "gives up on a silent proxy, or when cancelled");
    buf_release(&first_head);
    buf_release(&second_head);
    return tap_done();
}
