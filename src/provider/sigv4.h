/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4 ("Signing AWS requests", SHA-256, in headers). Pure: time and secrets are
 * passed in, the answer are the header lines to send. Paths are encoded once more than they are
 * sent, as every service but S3 wants it.
 */
#ifndef SLUICE_PROVIDER_SIGV4_H
#define SLUICE_PROVIDER_SIGV4_H

#include "base/buf.h"

struct sigv4_credentials {
    struct slice access_key_id;
    struct slice secret_access_key; /* secret */
    struct slice session_token;     /* secret; empty: long-lived credentials */
};

struct sigv4_header {
    struct slice name; /* any case */
    struct slice value;
};

/* Headers that are signed beside x-amz-date and x-amz-security-token, `host` among them. */
#define SIGV4_HEADERS_MAX 16u

struct sigv4_request {
    struct slice method;
    struct slice path;  /* as it is sent: percent-encoded; empty is "/" */
    struct slice query; /* as it is sent, without '?' */
    const struct sigv4_header *headers;
    size_t header_count; /* at most SIGV4_HEADERS_MAX (CHECK) */
    struct slice body;
    struct slice region;
    struct slice service;
    int64_t time_s; /* unix seconds */
};

/* Appends "X-Amz-Date", "X-Amz-Security-Token" (where there is one) and "Authorization" as lines.
   False: the buffer failed, or the library could not reckon. Nothing secret is left behind but the
   session token's line. */
MUST_USE bool sigv4_sign(const struct sigv4_credentials *credentials,
                         const struct sigv4_request *request, struct buf *out);

#endif
