/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the server, with certificates made here, against OpenSSL as the client over a socketpair.
 */
#include "tests/unit/net/http_server_harness.h"

#include "net/tls_server.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CLOSE "Connection: close\r\n"
#define REQUEST(line) line " HTTP/1.1\r\nHost: t\r\n"

struct files {
    char certificate[64];
    char key[64];
};

static char directory[] = "/tmp/sluice-tls-XXXXXX";
static struct files made[16];
static size_t made_count;

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    CHECK(key != NULL);
    return key;
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

/* Writes NAME.crt and NAME.key; with a passphrase if given. */
static struct files make_files(const char *name, const char *passphrase)
{
    struct files files;
    EVP_PKEY *key = make_key();
    X509 *certificate = make_certificate(key, name);

    snprintf(files.certificate, sizeof(files.certificate), "%s/%s.crt", directory, name);
    snprintf(files.key, sizeof(files.key), "%s/%s.key", directory, name);
    FILE *out = fopen(files.certificate, "w");
    CHECK(out != NULL && PEM_write_X509(out, certificate) == 1);
    fclose(out);
    out = fopen(files.key, "w");
    CHECK(out != NULL &&
          PEM_write_PrivateKey(out, key, passphrase == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0,
                               NULL, (void *)(uintptr_t)passphrase) == 1);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    CHECK(made_count < ARRAY_LEN(made));
    made[made_count++] = files;
    return files;
}

static void forget_files(void)
{
    for (size_t i = 0; i < made_count; i++) {
        unlink(made[i].certificate);
        unlink(made[i].key);
    }
    rmdir(directory);
}

static SSL_CTX *context_of(const struct files *files)
{
    struct error error;
    SSL_CTX *context = tls_server_context(slice_from_cstr(files->certificate),
                                          slice_from_cstr(files->key), &error);

    CHECK(context != NULL);
    return context;
}

/* --- a client --- */

static SSL *client;
static SSL_CTX *client_context;
static char plain[RECEIVED_MAX];
static size_t plain_len;

static void tls_connect(void)
{
    client_connect();
    CHECK(fcntl(h.client, F_SETFL, O_NONBLOCK) == 0);
    client = SSL_new(client_context);
    SSL_set_fd(client, h.client);
    SSL_set_connect_state(client);
    plain_len = 0;
}

static void tls_close(void)
{
    SSL_free(client);
    client = NULL;
}

/* Turns until the client has what `step` waits for: 1 done, 0 ended or failed. */
static int tls_run(int (*step)(void))
{
    int64_t end = now_ms() + CEILING_MS;

    for (;;) {
        ERR_clear_error();
        int result = step();
        if (result > 0) {
            return 1;
        }
        int reason = SSL_get_error(client, result);
        if ((reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) || now_ms() > end) {
            return 0;
        }
        uv_run(&h.loop.uv, UV_RUN_NOWAIT);
    }
}

static int step_handshake(void)
{
    return SSL_do_handshake(client);
}

static struct slice to_write;

static int step_write(void)
{
    return SSL_write(client, to_write.ptr, (int)to_write.len);
}

static int step_read(void)
{
    int got = SSL_read(client, plain + plain_len, (int)(sizeof(plain) - plain_len));

    plain_len += got > 0 ? (size_t)got : 0;
    return got;
}

static bool tls_send(struct slice bytes)
{
    to_write = bytes;
    return tls_run(step_write) == 1;
}

static void tls_read_to_end(void)
{
    while (tls_run(step_read) == 1) {
    }
}

static void setup(SSL_CTX *context)
{
    harness_open(NULL, context);
    client_context = SSL_CTX_new(TLS_client_method());
}

static void teardown(SSL_CTX *context)
{
    SSL_CTX_free(client_context);
    harness_close();
    SSL_CTX_free(context);
}

/* --- the tests --- */

static void answers_over_tls(void)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct files files = make_files("first", NULL);
    SSL_CTX *context = context_of(&files);

    setup(context);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        SSL_CTX_set_min_proto_version(client_context, versions[i]);
        SSL_CTX_set_max_proto_version(client_context, versions[i]);
        tls_connect();
        EXPECT_INT(tls_run(step_handshake), 1);
        EXPECT_INT(SSL_version(client), versions[i]);
        EXPECT(tls_send(SLICE(REQUEST("POST /stream") "Content-Length: 5\r\n\r\nhel")));
        EXPECT(tls_send(SLICE("lo" REQUEST("GET /later") CLOSE "\r\n")));
        tls_read_to_end();
        EXPECT_SLICE(slice_of(plain, plain_len),
                     "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"
                     "3\r\none\r\n13\r\ntwo, a longer piece\r\n0\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 4\r\n" CLOSE
                     "\r\nlate");
        EXPECT_INT(SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        EXPECT_SLICE(slice_from_cstr(h.log), "POST /stream [hello] done\nGET /later [] done\n");
        tls_close();
    }
    teardown(context);
}

static void carries_much_in_both_directions(void)
{
    static char body[1000000];
    char head[128];
    struct files files = make_files("much", NULL);
    SSL_CTX *context = context_of(&files);

    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = (char)('a' + i % 23);
    }
    setup(context);
    tls_connect();
    snprintf(head, sizeof(head), REQUEST("POST /echo") CLOSE "Content-Length: %zu\r\n\r\n",
             sizeof(body));
    SSL_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE);
    EXPECT(tls_send(slice_from_cstr(head)));
    for (size_t at = 0; at < sizeof(body); at += 10000) {
        EXPECT(tls_send(slice_of(body + at, 10000)));
    }
    tls_read_to_end();
    EXPECT(plain_len > sizeof(body));
    EXPECT(plain_len > sizeof(body) &&
           memcmp(plain + plain_len - sizeof(body), body, sizeof(body)) == 0);
    tls_close();
    /* Back-pressure: the client does not read for a while. */
    h.big_left = (size_t)3 * 1024 * 1024;
    tls_connect();
    EXPECT(tls_send(SLICE(REQUEST("GET /big") CLOSE "\r\n")));
    spin();
    EXPECT(h.big_blocked);
    EXPECT(h.big_left > 0);
    tls_read_to_end();
    EXPECT_INT(h.big_left, 0);
    EXPECT(slice_ends(slice_of(plain, plain_len), SLICE("\r\n0\r\n\r\n")));
    tls_close();
    teardown(context);
}

static void refuses_old_versions_and_suites(void)
{
    struct files files = make_files("old", NULL);
    SSL_CTX *context = context_of(&files);

    setup(context);
    SSL_CTX_set_security_level(client_context, 0);
    SSL_CTX_set_min_proto_version(client_context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client_context, TLS1_1_VERSION);
    tls_connect();
    EXPECT_INT(tls_run(step_handshake), 0);
    tls_close();
    SSL_CTX_set_max_proto_version(client_context, TLS1_2_VERSION);
    EXPECT_INT(SSL_CTX_set_cipher_list(client_context, "ECDHE-ECDSA-AES256-SHA384"), 1);
    tls_connect();
    EXPECT_INT(tls_run(step_handshake), 0);
    tls_close();
    EXPECT_INT(SSL_CTX_set_cipher_list(client_context, "ECDHE-ECDSA-AES256-GCM-SHA384"), 1);
    tls_connect();
    EXPECT_INT(tls_run(step_handshake), 1);
    tls_close();
    EXPECT_INT(h.heads, 0);
    teardown(context);
}

static void negotiates_http_1_1_only(void)
{
    struct files files = make_files("alpn", NULL);
    SSL_CTX *context = context_of(&files);
    const unsigned char *chosen = NULL;
    unsigned chosen_len = 0;

    setup(context);
    tls_connect();
    SSL_set_alpn_protos(client, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    EXPECT_INT(tls_run(step_handshake), 1);
    SSL_get0_alpn_selected(client, &chosen, &chosen_len);
    EXPECT_SLICE(slice_of((const char *)chosen, chosen_len), "http/1.1");
    tls_close();
    tls_connect();
    SSL_set_alpn_protos(client, (const unsigned char *)"\x02h2", 3);
    EXPECT_INT(tls_run(step_handshake), 0);
    tls_close();
    teardown(context);
}

static void closes_on_plain_text(void)
{
    struct files files = make_files("plain", NULL);
    SSL_CTX *context = context_of(&files);

    setup(context);
    client_connect();
    client_send(SLICE(REQUEST("GET /x") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT_INT(h.heads, 0);
    EXPECT(!received_has("HTTP/1.1 200"));
    teardown(context);
}

static void name_of_peer(char *name, size_t size)
{
    X509 *certificate = SSL_get1_peer_certificate(client);

    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, (int)size);
    X509_free(certificate);
}

static void reloads(void)
{
    struct files before = make_files("before", NULL);
    struct files after = make_files("after", NULL);
    SSL_CTX *old = context_of(&before);
    SSL_CTX *new = context_of(&after);
    char name[32];

    setup(old);
    tls_connect();
    EXPECT_INT(tls_run(step_handshake), 1);
    name_of_peer(name, sizeof(name));
    EXPECT_SLICE(slice_from_cstr(name), "before");
    http_server_set_tls(h.server, new);
    SSL_CTX_free(old); /* open connections keep it */
    EXPECT(tls_send(SLICE(REQUEST("GET /x") CLOSE "\r\n")));
    tls_read_to_end();
    EXPECT(slice_starts(slice_of(plain, plain_len), SLICE("HTTP/1.1 200 OK\r\n")));
    tls_close();
    tls_connect();
    EXPECT_INT(tls_run(step_handshake), 1);
    name_of_peer(name, sizeof(name));
    EXPECT_SLICE(slice_from_cstr(name), "after");
    tls_close();
    teardown(new);
}

static void expect_error(const char *certificate, const char *key, const char *text)
{
    struct error error = {.code = ""};
    SSL_CTX *context =
        tls_server_context(slice_from_cstr(certificate), slice_from_cstr(key), &error);

    EXPECT(context == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), "tls_files");
    EXPECT(strstr(error.text, text) != NULL);
    EXPECT(strstr(error.text, "PRIVATE KEY") == NULL);
    SSL_CTX_free(context);
}

static void refuses_bad_files(void)
{
    struct files one = make_files("one", NULL);
    struct files two = make_files("two", NULL);
    struct files locked = make_files("locked", "secret");
    char longer[5000];

    expect_error("/nonexistent.crt", one.key, "cannot use the certificate file /nonexistent.crt");
    expect_error(one.certificate, "/nonexistent.key", "cannot use the key file /nonexistent.key");
    expect_error(one.key, one.key, "certificate");
    expect_error(one.certificate, one.certificate, "cannot use the key file");
    expect_error(one.certificate, two.key, "key");
    expect_error(locked.certificate, locked.key, "cannot use the key file");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    expect_error(longer, one.key, "too long");
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL);
    TEST(answers_over_tls, "answers over TLS 1.2 and 1.3 and ends with close_notify");
    TEST(carries_much_in_both_directions, "carries much in both directions, with back-pressure");
    TEST(refuses_old_versions_and_suites, "refuses TLS 1.1 and suites without AEAD");
    TEST(negotiates_http_1_1_only, "negotiates http/1.1 and nothing else");
    TEST(closes_on_plain_text, "closes on plain text");
    TEST(reloads, "new connections use a reloaded certificate, open ones keep theirs");
    TEST(refuses_bad_files, "refuses files that are missing, wrong, locked or no pair");
    forget_files();
    return tap_done();
}
