/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket as OpenSSL sees one. It does what OpenSSL's own does, but by recv() and send(), which
 * cost the kernel less than read() and write() and raise no SIGPIPE, and without the questions
 * about kernel TLS that are asked several times for each record.
 */
#ifndef SLUICE_NET_TLS_BIO_H
#define SLUICE_NET_TLS_BIO_H

#include "base/check.h"

#include <openssl/bio.h>

/* The descriptor stays the caller's. NULL: out of memory. Any thread. */
MUST_USE BIO *tls_bio_new(int fd);

#endif
