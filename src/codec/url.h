/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Absolute http and https URLs of the configuration (RFC 3986), and the origin they belong to. User
 * information, fragments, control characters and empty hosts are refused. An origin is what
 * credentials are bound to.
 */
#ifndef SLUICE_CODEC_URL_H
#define SLUICE_CODEC_URL_H

#include "base/error.h"
#include "base/slice.h"

struct url {
    bool https;
    bool host_is_ipv6;      /* host is without its brackets */
    uint16_t port;          /* 80 or 443 when absent */
    struct slice host;      /* lower case is the caller's text: compare without case */
    struct slice path;      /* with the leading '/', or empty; without the query */
    struct slice query;     /* without '?', or empty */
    struct slice authority; /* host[:port] as written: the Host header */
};

/* Slices point into `text`. Error code "invalid_url". */
MUST_USE bool url_parse(struct slice text, struct url *ret_url, struct error *error);
bool url_same_origin(const struct url *a, const struct url *b);
/* 127.0.0.0/8, ::1 or "localhost". */
bool url_is_loopback(const struct url *url);

#endif
