/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy a URL goes through: the values of HTTPS_PROXY, HTTP_PROXY and NO_PROXY as curl and Go
 * read them. The one place of this rule: the configuration applies it, the upstream client relies
 * on it. Pure, any thread.
 */
#ifndef SLUICE_CODEC_URL_PROXY_H
#define SLUICE_CODEC_URL_PROXY_H

#include "codec/url.h"

/*
 * The proxy's URL for `url` (a part of https_proxy or http_proxy, trimmed), or empty: direct.
 * `no_proxy` is a list separated by commas or blanks of host names (each with everything below it),
 * addresses, CIDR blocks or "*", each with an optional port. Loopback never goes through a proxy.
 */
struct slice url_proxy_for(const struct url *url, struct slice https_proxy, struct slice http_proxy,
                           struct slice no_proxy);
/* Can `proxy` be used: an HTTP proxy as http://[user:password@]host[:port][/], or without the
   scheme. */
bool url_proxy_is_valid(struct slice proxy);

#endif
