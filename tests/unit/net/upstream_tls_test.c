/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards upstreams: who is trusted, what is refused and why, sessions, and transfers inside
 * records. */
#include "tests/unit/net/certificate.h"
#include "tests/unit/net/upstream_fixture.h"

static struct fixture f;
static struct certificate authority;
static char authority_file[] = "/tmp/sluice-test-ca-XXXXXX";

/* A TLS peer with a certificate for `names`, known to the client as `host`. */
static void tls_fixture(const struct certificate *certificate, const char *host,
                        const char *ca_file)
{
    const union net_address at = {
        .v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    char text[128];

    fixture_init_with(&f, "127.0.0.1", &upstream_default_limits);
    f.tls = certificate_server(certificate);
    f.on_request = answer_ok;
    snprintf(text, sizeof(text), "https://%s:%u", host, f.port);
    origin_for(&f.origin, text, "Authorization: Bearer secret\r\n", ca_file, "");
    EXPECT(resolver_learn(f.client->resolver, host, &at, 1));
}

static struct certificate good_certificate(const char *names)
{
    return certificate_new(&authority, "server", names, 30);
}

/* --- who is trusted --- */

static void expect_trusted(const char *names, const char *host)
{
    struct certificate certificate = good_certificate(names);
    struct call call;

    tls_fixture(&certificate, host, authority_file);
    for (int i = 0; i < 2; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT_INT(call.r.reused, i);
        EXPECT(call.r.connected_ns > 0 && call.r.connected_ns <= call.r.first_byte_ns);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 1);
    fixture_release(&f);
    certificate_free(&certificate);
}

static void trusts_the_right_certificate(void)
{
    expect_trusted("DNS:name.test", "name.test");
    expect_trusted("DNS:name.test", "NAME.test");
    expect_trusted("DNS:*.name.test", "a.name.test");
    expect_trusted("IP:127.0.0.1", "127.0.0.1");
}

static void expect_refused(const struct certificate *certificate, const char *host,
                           const char *ca_file, const char *why)
{
    struct call call;

    tls_fixture(certificate, host, ca_file);
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_TLS);
    EXPECT(!call.r.sent);
    EXPECT_INT(f.accepted == 0 ? 0 : f.peers[0].requests, 0);
    EXPECT(strstr(call.detail, why) != NULL);
    if (strstr(call.detail, why) == NULL) {
        printf("# detail: %s\n", call.detail);
    }
    call_release(&call);
    fixture_release(&f);
}

static void refuses_other_certificates(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct certificate expired = certificate_new(&authority, "server", "DNS:name.test", -1);
    struct certificate self_signed = certificate_new(NULL, "name.test", "DNS:name.test", 30);
    struct certificate part_wild = good_certificate("DNS:n*.test");

    expect_refused(&good, "other.test", authority_file, "hostname mismatch");
    expect_refused(&good, "127.0.0.1", authority_file, "IP address mismatch");
    expect_refused(&good, "a.name.test", authority_file, "hostname mismatch");
    expect_refused(&part_wild, "name.test", authority_file, "hostname mismatch");
    expect_refused(&expired, "name.test", authority_file, "certificate has expired");
    expect_refused(&self_signed, "name.test", authority_file, "self-signed certificate");
    expect_refused(&good, "name.test", "", "unable to get local issuer");
    expect_refused(&good, "name.test", "/nonexistent/ca.pem", "/nonexistent/ca.pem");
    certificate_free(&good);
    certificate_free(&expired);
    certificate_free(&self_signed);
    certificate_free(&part_wild);
}

static void trusts_anything_when_told_so(void)
{
    struct certificate self_signed = certificate_new(NULL, "x", "DNS:other.test", -1);
    struct call call;

    tls_fixture(&self_signed, "name.test", "");
    f.origin.insecure = true;
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    call_release(&call);
    /* The same place with verification must not profit from that. */
    f.origin.insecure = false;
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_TLS);
    call_release(&call);
    fixture_release(&f);
    certificate_free(&self_signed);
}

/* --- the handshake --- */

static void refuses_old_versions(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    SSL_CTX_set_min_proto_version(f.tls, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(f.tls, TLS1_1_VERSION);
    SSL_CTX_set_security_level(f.tls, 0);
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_TLS);
    call_release(&call);
    fixture_release(&f);
    certificate_free(&good);
}

static char sni[256];
static char alpn[256];

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned len, void *user)
{
    (void)user;
    (void)ssl;
    snprintf(alpn, sizeof(alpn), "%.*s", (int)len - 1, (const char *)in + 1);
    *out = in + 1;
    *out_len = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static void note_names(struct peer *peer, struct slice head, struct slice body)
{
    const char *name = SSL_get_servername(peer->stream.ssl, TLSEXT_NAMETYPE_host_name);

    snprintf(sni, sizeof(sni), "%s", name == NULL ? "none" : name);
    answer_ok(peer, head, body);
}

static void names_host_and_protocol(void)
{
    struct certificate good = good_certificate("DNS:name.test,IP:127.0.0.1");
    static const char *const hosts[] = {"name.test", "127.0.0.1"};
    static const char *const names[] = {"name.test", "none"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct call call;
        tls_fixture(&good, hosts[i], authority_file);
        f.on_request = note_names;
        SSL_CTX_set_alpn_select_cb(f.tls, on_alpn, NULL);
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT_SLICE(slice_from_cstr(sni), names[i]);
        EXPECT_SLICE(slice_from_cstr(alpn), "http/1.1");
        call_release(&call);
        fixture_release(&f);
    }
    certificate_free(&good);
}

static void speak_plain(struct peer *peer)
{
    buf_append_cstr(&peer->out, "HTTP/1.1 400 Bad Request\r\n\r\n");
    peer->close_after_out = true;
}

static void hang_up(struct peer *peer)
{
    peer->close_after_out = true;
}

static void hold(struct peer *peer)
{
    buf_clear(&peer->in);
}

static void without_tls(void (*on_bytes)(struct peer *), uint64_t connect_ms,
                        enum upstream_failure failure)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    SSL_CTX_free(f.tls);
    f.tls = NULL;
    f.on_bytes = on_bytes;
    call_init(&call, &f);
    call.r.timeouts.connect = connect_ms;
    call_run(&call);
    EXPECT_FAILURE(call, failure);
    EXPECT(!call.r.sent);
    EXPECT_INT(call.r.connected_ns, 0);
    call_release(&call);
    fixture_release(&f);
    certificate_free(&good);
}

static void fails_without_tls_on_the_other_side(void)
{
    without_tls(speak_plain, 5000, UPSTREAM_TLS);
    without_tls(hang_up, 5000, UPSTREAM_TLS);
    without_tls(hold, 30, UPSTREAM_CONNECT_TIMEOUT);
}

static void cancels_within_the_handshake(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    call_init(&call, &f);
    call_send(&call);
    RUN_UNTIL(&f, f.accepted == 1);
    EXPECT(call.r.connection->handshaking);
    upstream_cancel(&call.r);
    fixture_turn(&f, 10);
    EXPECT(!call_over(&call));
    call_release(&call);
    fixture_release(&f);
    certificate_free(&good);
}

static void reports_a_server_that_wants_a_certificate(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    SSL_CTX_set_verify(f.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_TLS);
    EXPECT(strstr(call.detail, "certificate required") != NULL);
    call_release(&call);
    fixture_release(&f);
    certificate_free(&good);
}

/* --- sessions --- */

static int resumed;

static void answer_and_close(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    resumed += SSL_session_reused(peer->stream.ssl);
    peer->close_after_out = true;
    peer_send(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
}

static void resumes_sessions(void)
{
    struct certificate good = good_certificate("DNS:name.test,DNS:other.test");
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct call call;
        resumed = 0;
        tls_fixture(&good, "name.test", authority_file);
        SSL_CTX_set_max_proto_version(f.tls, versions[i]);
        f.on_request = answer_and_close;
        for (int k = 0; k < 6; k++) {
            call_once(&call, &f);
            EXPECT_OK(call, "ok");
            call_release(&call);
        }
        EXPECT_INT(f.accepted, 6);
        EXPECT_INT(resumed, 5);
        EXPECT(pool_for(f.client, &f.origin)->sessions.count <= TLS_SESSIONS_MAX);
        fixture_release(&f);
    }
    certificate_free(&good);
}

/* --- transfers --- */

static const char *script;
static bool silently;

static void answer_script(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    SSL_set_quiet_shutdown(peer->stream.ssl, silently);
    peer->close_after_out = true;
    peer_send(peer, script);
}

static void needs_a_close_notify_for_an_unbounded_body(void)
{
    struct certificate good = good_certificate("DNS:name.test");

    for (int i = 0; i < 2; i++) {
        struct call call;
        tls_fixture(&good, "name.test", authority_file);
        f.on_request = answer_script;
        script = "HTTP/1.1 200 OK\r\n\r\nall";
        silently = i == 1;
        call_once(&call, &f);
        if (i == 0) {
            EXPECT_OK(call, "all");
        } else {
            EXPECT_FAILURE(call, UPSTREAM_CLOSED);
            EXPECT_SLICE(call_body(&call), "all");
        }
        call_release(&call);
        fixture_release(&f);
    }
    certificate_free(&good);
}

static void drip(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->drip = true;
    peer_send(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello "
                    "\r\n5\r\nworld\r\n0\r\n\r\n");
}

static void takes_one_byte_in_a_record(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    f.on_request = drip;
    for (int i = 0; i < 2; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "hello world");
        EXPECT_INT(call.r.reused, i);
        call_release(&call);
    }
    fixture_release(&f);
    certificate_free(&good);
}

#define BULK_SIZE ((size_t)6 << 20)
static char *bulk;
static size_t bulk_seen;

static void answer_bulk(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    bulk_seen = body.len;
    EXPECT(memcmp(body.ptr, bulk, body.len) == 0);
    buf_printf(&peer->out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", BULK_SIZE);
    buf_append(&peer->out, slice_of(bulk, BULK_SIZE));
    peer_pump(peer);
}

static void pause_often(struct call *call, struct slice bytes)
{
    (void)bytes;
    if (call->datas % 3 == 0) {
        upstream_pause(&call->r);
    }
}

static void moves_large_bodies_both_ways(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    bulk = malloc(BULK_SIZE);
    for (size_t i = 0; i < BULK_SIZE; i++) {
        bulk[i] = (char)(i * 31 + i / 4093);
    }
    tls_fixture(&good, "name.test", authority_file);
    f.on_request = answer_bulk;
    for (int i = 0; i < 2; i++) {
        call_init(&call, &f);
        call.r.body = slice_of(bulk, BULK_SIZE);
        call.in_data = i == 1 ? pause_often : NULL;
        call_send(&call);
        while (!call_over(&call)) {
            uv_run(&f.loop.uv, UV_RUN_ONCE);
            upstream_resume(&call.r);
        }
        EXPECT_INT(call.ends, 1);
        EXPECT_INT(bulk_seen, BULK_SIZE);
        EXPECT_INT(call.body.len, BULK_SIZE);
        EXPECT(memcmp(call.body.ptr, bulk, BULK_SIZE) == 0);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 1);
    fixture_release(&f);
    certificate_free(&good);
    free(bulk);
}

static void die_on_second(struct peer *peer, struct slice head, struct slice body)
{
    if (peer->index == 0 && peer->requests == 2) {
        peer_close(peer, false);
    } else {
        answer_ok(peer, head, body);
    }
}

static void replaces_a_stale_connection(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    f.on_request = die_on_second;
    for (int i = 0; i < 2; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT(!call.r.reused);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 2);
    fixture_release(&f);
    certificate_free(&good);
}

static void drops_an_idle_connection_that_ends(void)
{
    struct certificate good = good_certificate("DNS:name.test");
    struct call call;

    tls_fixture(&good, "name.test", authority_file);
    call_once(&call, &f);
    call_release(&call);
    peer_close(&f.peers[0], false);
    struct upstream_pool *pool = pool_for(f.client, &f.origin);
    RUN_UNTIL(&f, pool->idle_count == 0);
    fixture_release(&f);
    certificate_free(&good);
}

int main(void)
{
    authority = certificate_new(NULL, "Test Authority", NULL, 30);
    certificate_save(&authority, authority_file);
    TEST(trusts_the_right_certificate,
         "trusts a certificate for the name or the address, and reuses the connection");
    TEST(refuses_other_certificates, "refuses every other certificate and says why");
    TEST(trusts_anything_when_told_so, "trusts anything when told so, and only there");
    TEST(refuses_old_versions, "refuses versions before TLS 1.2");
    TEST(names_host_and_protocol, "names the host (not an address) and http/1.1");
    TEST(fails_without_tls_on_the_other_side,
         "fails when the other side does not speak TLS, hangs up or stalls");
    TEST(cancels_within_the_handshake, "cancels within the handshake");
    TEST(reports_a_server_that_wants_a_certificate, "reports a server that wants a certificate");
    TEST(resumes_sessions, "resumes sessions, in TLS 1.2 and 1.3");
    TEST(needs_a_close_notify_for_an_unbounded_body,
         "takes only close_notify for the end of an unbounded body");
    TEST(takes_one_byte_in_a_record, "takes one byte in a record");
    TEST(moves_large_bodies_both_ways, "moves large bodies both ways, also with pauses");
    TEST(replaces_a_stale_connection, "replaces a stale connection");
    TEST(drops_an_idle_connection_that_ends, "drops an idle connection that ends");
    certificate_free(&authority);
    unlink(authority_file);
    return tap_done();
}
