/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do PEM files (RFC 7468) hold what TLS will want of them? Asked when a configuration is read, so
 * that a wrong file is an error of its place there and not of the first connection. Nothing of the
 * files is kept. Any thread.
 *
 * Errors: "bad_pem", with a text that names the file.
 */
#ifndef SLUICE_CODEC_PEM_H
#define SLUICE_CODEC_PEM_H

#include "base/error.h"
#include "base/slice.h"

/* At least one certificate, and none that is broken. */
MUST_USE bool pem_certificates(struct slice file, struct error *error);
/* The same, a private key without a passphrase, and it is that of the first certificate. */
MUST_USE bool pem_pair(struct slice certificate_file, struct slice key_file, struct error *error);

/* A pem_password_cb of OpenSSL: never asks on the terminal, so that a key with a passphrase is an
   error. */
int pem_no_passphrase(char *buffer, int size, int writing, void *user);

#endif
