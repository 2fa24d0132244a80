/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of TLS: one context from a certificate chain and a key, both PEM files. TLS 1.2
 * and 1.3 with forward secrecy and AEAD suites only, no renegotiation, no compression; ALPN answers
 * http/1.1 and nothing else. A context is immutable: a reload makes a new one and hands it to
 * http_server_set_tls(); connections keep the one they began with.
 */
#ifndef SLUICE_NET_TLS_SERVER_H
#define SLUICE_NET_TLS_SERVER_H

#include "base/error.h"
#include "base/slice.h"

#include <openssl/ssl.h>

/* NULL and *error (never with key material) when a file cannot be read, is no PEM, needs a
   passphrase, or key and certificate do not belong together. The caller releases it with
   SSL_CTX_free(). Reads files: not on a loop that serves. */
MUST_USE SSL_CTX *tls_server_context(struct slice certificate_file, struct slice key_file,
                                     struct error *error);

#endif
