/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_client.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct tls_client {
    SSL_CTX *context;
};

/* --- sessions --- */

void tls_sessions_clear(struct tls_sessions *sessions)
{
    while (sessions->count > 0) {
        SSL_SESSION_free(sessions->items[--sessions->count]);
    }
}

/* OpenSSL hands over a reference when this returns 1. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_sessions *sessions = SSL_get_app_data(ssl);

    if (sessions == NULL || !SSL_SESSION_is_resumable(session)) {
        return 0;
    }
    if (sessions->count == TLS_SESSIONS_MAX) {
        SSL_SESSION_free(sessions->items[0]);
        sessions->count--;
        memmove(&sessions->items[0], &sessions->items[1],
                sessions->count * sizeof(sessions->items[0]));
    }
    sessions->items[sessions->count++] = session;
    return 1;
}

static void sessions_offer(struct tls_sessions *sessions, SSL *ssl)
{
    if (sessions->count == 0) {
        return;
    }
    SSL_SESSION *session = sessions->items[sessions->count - 1];
    (void)SSL_set_session(ssl, session); /* without it the handshake is a full one */
    if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
        sessions->count--;
        SSL_SESSION_free(session);
    }
}

/* --- the context --- */

static bool context_trust(SSL_CTX *context, const char *ca_file, bool insecure, struct error *error)
{
    if (insecure) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        return true;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    int done = ca_file == NULL ? SSL_CTX_set_default_verify_paths(context)
                               : SSL_CTX_load_verify_file(context, ca_file);
    ERR_clear_error();
    return done == 1 ||
           error_set(error, ERROR_ENVIRONMENT, "tls", "cannot read certificate authorities from %s",
                     ca_file == NULL ? "the system" : ca_file);
}

static bool context_init(SSL_CTX *context)
{
    static const unsigned char protocols[] = "\x08http/1.1";

    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* One read(2) for a record instead of two; the reader asks SSL_has_pending() therefore. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols) - 1) == 0;
}

struct tls_client *tls_client_new(const char *ca_file, bool insecure, struct error *error)
{
    struct tls_client *client = memory_array(1, sizeof(*client));
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (client == NULL || context == NULL || !context_init(context)) {
        ERR_clear_error();
        (void)error_set(error, ERROR_ENVIRONMENT, "tls", "cannot set up TLS");
        goto fail;
    }
    if (!context_trust(context, ca_file, insecure, error)) {
        goto fail;
    }
    client->context = context;
    return client;
fail:
    SSL_CTX_free(context);
    memory_free(client);
    return NULL;
}

void tls_client_free(struct tls_client *client)
{
    if (client != NULL) {
        SSL_CTX_free(client->context);
        memory_free(client);
    }
}

/* --- a connection --- */

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool connection_expect(SSL *ssl, const char *host)
{
    if (is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* What SSL_set_tlsext_host_name() does, which casts a const away; the name is copied. */
    return host[0] != '\0' && SSL_set1_host(ssl, host) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)host) == 1;
}

SSL *tls_client_connection(struct tls_client *client, const char *host,
                           struct tls_sessions *sessions)
{
    SSL *ssl = SSL_new(client->context);

    if (ssl == NULL || !connection_expect(ssl, host)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_app_data(ssl, sessions);
    sessions_offer(sessions, ssl);
    SSL_set_connect_state(ssl);
    return ssl;
}

const char *tls_client_explain(const SSL *ssl, char *buffer, size_t size)
{
    long verdict = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    if (verdict != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
        snprintf(buffer, size, "certificate refused: %s", X509_verify_cert_error_string(verdict));
    } else if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING || code == 0) {
        snprintf(buffer, size, "connection ended within TLS");
    } else {
        snprintf(buffer, size, "TLS: %s", reason == NULL ? "unknown error" : reason);
    }
    ERR_clear_error();
    return buffer;
}
