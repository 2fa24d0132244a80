/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include "codec/pem.h"

#include <limits.h>
#include <openssl/err.h>

/* The suites of TLS 1.3 are AEAD all. */
static const char suites_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *user)
{
    static const unsigned char ours[] = "\x08http/1.1";

    (void)ssl;
    (void)user;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol, RFC 7301 3.2 */
    }
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool fail(struct error *error, const char *what, struct slice file)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);

    error_set(error, ERROR_INVALID, "tls_files", "%s %.*s: %s", what, SLICE_ARG(file),
              reason == NULL ? "unknown reason" : reason);
    ERR_clear_error();
    return false;
}

static bool context_set_up(SSL_CTX *context)
{
    static const unsigned char session_context[] = "sluice";

    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context, pem_no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    /* Sessions live in tickets, not in memory here. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, suites_1_2) == 1 &&
           SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1) ==
               1;
}

static bool context_load(SSL_CTX *context, struct slice certificate_file, struct slice key_file,
                         struct error *error)
{
    char path[PATH_MAX];

    if (certificate_file.len >= sizeof(path) || key_file.len >= sizeof(path)) {
        return error_set(error, ERROR_INVALID, "tls_files", "the path of a TLS file is too long");
    }
    slice_to_cstr(certificate_file, path, sizeof(path));
    if (SSL_CTX_use_certificate_chain_file(context, path) != 1) {
        return fail(error, "cannot use the certificate file", certificate_file);
    }
    slice_to_cstr(key_file, path, sizeof(path));
    if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1) {
        return fail(error, "cannot use the key file", key_file);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return fail(error, "the certificate does not belong to the key file", key_file);
    }
    return true;
}

SSL_CTX *tls_server_context(struct slice certificate_file, struct slice key_file,
                            struct error *error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL || !context_set_up(context)) {
        fail(error, "cannot set up TLS for", certificate_file);
        SSL_CTX_free(context);
        return NULL;
    }
    if (!context_load(context, certificate_file, key_file, error)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}
