/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of NO_PROXY are read from the right: a port is cut off first, then a rule is a block, an
 * address or a name. An address is compared as bits, so that every spelling of it is the same one;
 * a name never matches an address, nor the reverse.
 */
#include "codec/url_proxy.h"

#include <arpa/inet.h>
#include <stdio.h>

/* An address in network order; len 0: not an address. */
struct address_bytes {
    unsigned char bytes[16];
    size_t len;
};

static struct address_bytes address_read(struct slice text)
{
    struct address_bytes address = {.len = 0};
    char host[INET6_ADDRSTRLEN];

    if (text.len >= sizeof(host) || slice_find(text, '\0') != SIZE_MAX) {
        return address;
    }
    slice_to_cstr(text, host, sizeof(host));
    if (inet_pton(AF_INET, host, address.bytes) == 1) {
        address.len = 4;
    } else if (inet_pton(AF_INET6, host, address.bytes) == 1) {
        address.len = 16;
    }
    return address;
}

static bool same_bits(const struct address_bytes *a, const struct address_bytes *b, uint64_t bits)
{
    if (a->len != b->len || bits > a->len * 8) {
        return false;
    }
    size_t whole = (size_t)bits / 8;
    unsigned rest = (unsigned)bits % 8;
    unsigned mask = 0xffU & (0xff00U >> rest);
    return memcmp(a->bytes, b->bytes, whole) == 0 &&
           (rest == 0 || ((unsigned)(a->bytes[whole] ^ b->bytes[whole]) & mask) == 0);
}

/* Cuts ":port" or the brackets off the rule. False: a rule that cannot be read, it matches nothing.
 */
static bool rule_split(struct slice *rule, uint64_t *ret_port)
{
    size_t colon = slice_find(*rule, ':');

    *ret_port = 0;
    if (rule->ptr[0] == '[') {
        size_t end = slice_find(*rule, ']');
        if (end == SIZE_MAX) {
            return false;
        }
        struct slice port = slice_from(*rule, end + 1);
        *rule = slice_of(rule->ptr + 1, end - 1);
        return port.len == 0 || (port.ptr[0] == ':' && slice_to_u64(slice_from(port, 1), ret_port));
    }
    if (colon != SIZE_MAX && slice_find(slice_from(*rule, colon + 1), ':') == SIZE_MAX) {
        struct slice port = slice_from(*rule, colon + 1);
        rule->len = colon;
        return slice_to_u64(port, ret_port);
    }
    return true;
}

static bool block_matches(struct slice rule, size_t slash, const struct address_bytes *host)
{
    struct address_bytes block = address_read(slice_of(rule.ptr, slash));
    uint64_t bits;

    return block.len > 0 && slice_to_u64(slice_from(rule, slash + 1), &bits) &&
           same_bits(&block, host, bits);
}

/* "example.com", ".example.com" and "*.example.com" match the name and everything below it. */
static bool name_matches(struct slice rule, struct slice host)
{
    if (slice_starts(rule, SLICE("*."))) {
        rule = slice_from(rule, 1);
    }
    if (rule.len > 0 && rule.ptr[0] == '.') {
        rule = slice_from(rule, 1);
    }
    if (rule.len == 0 || rule.len > host.len ||
        !slice_eq_nocase(slice_from(host, host.len - rule.len), rule)) {
        return false;
    }
    return rule.len == host.len || host.ptr[host.len - rule.len - 1] == '.';
}

static bool rule_matches(struct slice rule, const struct url *url)
{
    uint64_t port;

    if (slice_eq(rule, SLICE("*"))) {
        return true;
    }
    if (!rule_split(&rule, &port) || (port != 0 && port != url->port) || rule.len == 0) {
        return false;
    }
    struct address_bytes host = address_read(url->host);
    size_t slash = slice_find(rule, '/');
    if (slash != SIZE_MAX) {
        return host.len > 0 && block_matches(rule, slash, &host);
    }
    if (host.len > 0) {
        struct address_bytes address = address_read(rule);
        return address.len > 0 && same_bits(&address, &host, address.len * 8);
    }
    return name_matches(rule, url->host);
}

static bool list_matches(struct slice list, const struct url *url)
{
    while (list.len > 0) {
        size_t end = 0;
        while (end < list.len && list.ptr[end] != ',' && list.ptr[end] != ' ' &&
               list.ptr[end] != '\t') {
            end++;
        }
        if (end > 0 && rule_matches(slice_of(list.ptr, end), url)) {
            return true;
        }
        list = slice_from(list, end + 1);
    }
    return false;
}

struct slice url_proxy_for(const struct url *url, struct slice https_proxy, struct slice http_proxy,
                           struct slice no_proxy)
{
    struct slice proxy = slice_trim(url->https ? https_proxy : http_proxy);

    if (proxy.len == 0 || url_is_loopback(url) || list_matches(no_proxy, url)) {
        return SLICE_EMPTY;
    }
    return proxy;
}

bool url_proxy_is_valid(struct slice proxy)
{
    static const struct slice scheme = SLICE_INIT("http://");
    struct slice rest = slice_trim(proxy);
    struct url url;
    char text[1024];
    size_t at;

    if (slice_find_slice(rest, SLICE("://")) != SIZE_MAX) {
        if (rest.len < scheme.len || !slice_eq_nocase(slice_of(rest.ptr, scheme.len), scheme)) {
            return false;
        }
        rest = slice_from(rest, scheme.len);
    }
    struct slice authority = slice_cut(&rest, '/');
    while ((at = slice_find(authority, '@')) != SIZE_MAX) {
        authority = slice_from(authority, at + 1);
    }
    int len = snprintf(text, sizeof(text), "http://%.*s", SLICE_ARG(authority));
    return len > 0 && (size_t)len < sizeof(text) && (size_t)len == scheme.len + authority.len &&
           url_parse(slice_of(text, (size_t)len), &url, NULL);
}
