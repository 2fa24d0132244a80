/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards upstreams (OpenSSL 3): TLS 1.2 or later, certificate chain and host name (or address)
 * verified, SNI, ALPN http/1.1, sessions kept for reuse. One context serves all connections that
 * trust the same authorities.
 */
#ifndef SLUICE_NET_TLS_CLIENT_H
#define SLUICE_NET_TLS_CLIENT_H

#include "base/error.h"
#include "base/slice.h"

#include <openssl/ssl.h>

struct tls_client;

#define TLS_SESSIONS_MAX 4

/* Sessions of one origin, newest last. Tickets of TLS 1.3 are used once (RFC 8446 C.4). A session
   carries the verdict on the certificate that it was made with, so it may only be used with the
   same host, port and authorities. */
struct tls_sessions {
    SSL_SESSION *items[TLS_SESSIONS_MAX];
    unsigned count;
};

/* ca_file: PEM, NULL for the system's. insecure: nothing is verified. Error code "tls". */
MUST_USE struct tls_client *tls_client_new(const char *ca_file, bool insecure, struct error *error);
/* NULL-safe. Connections made from it may live on. */
void tls_client_free(struct tls_client *client);
/* A connection to be given to stream_use_tls(): `host` is verified and sent as SNI (addresses are
   only verified). `sessions` offers one and collects new ones, and must outlive the connection.
   NULL: out of memory or not a host. */
MUST_USE SSL *tls_client_connection(struct tls_client *client, const char *host,
                                    struct tls_sessions *sessions);
/* Why it failed, right after it did; empties the error queue of the thread. */
const char *tls_client_explain(const SSL *ssl, char *buffer, size_t size);
void tls_sessions_clear(struct tls_sessions *sessions);

#endif
