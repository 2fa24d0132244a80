/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stricter than RFC 3986 where its freedom is a trap: a host is letters, digits, '-', '_' and '.',
 * or an address in its one usual form. "127.1" and "0x7f000001" are refused, since resolvers read
 * them as addresses that no check here would recognise. Messages never repeat the text: it may hold
 * a key.
 */
#include "codec/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define URL_MAX 4096u
#define HOST_MAX 253u
#define LABEL_MAX 63u

static bool refuse(struct error *error, const char *reason)
{
    return error_set(error, ERROR_INVALID, "invalid_url", "%s", reason);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* pchar, '/' and '?' of RFC 3986, section 3.3 and 3.4, with whole percent escapes. */
static bool path_or_query_is_valid(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (s.len - i < 3 || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!is_alphanumeric(c) && !is_one_of(c, "-._~!$&'()*+,;=:@/?")) {
            return false;
        }
    }
    return true;
}

static bool label_is_valid(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alphanumeric(label.ptr[i]) && !is_one_of(label.ptr[i], "-_")) {
            return false;
        }
    }
    return true;
}

/* Would a resolver take a host that ends in this label for an address? */
static bool label_is_numeric(struct slice label)
{
    size_t i = 0;
    if (slice_starts(label, SLICE("0x")) || slice_starts(label, SLICE("0X"))) {
        for (i = 2; i < label.len && is_hex(label.ptr[i]);) {
            i++;
        }
        return i == label.len;
    }
    while (i < label.len && is_digit(label.ptr[i])) {
        i++;
    }
    return i == label.len;
}

static bool parse_address(int family, struct slice host, void *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    /* inet_pton() would stop at a NUL and call the rest of the host valid */
    if (host.len >= sizeof(text) || slice_find(host, '\0') != SIZE_MAX) {
        return false;
    }
    return inet_pton(family, slice_to_cstr(host, text, sizeof(text)), ret_address) == 1;
}

static bool name_is_valid(struct slice host)
{
    struct slice rest = host;
    struct slice label = SLICE_EMPTY;
    if (host.len == 0 || host.len > HOST_MAX || host.ptr[host.len - 1] == '.') {
        return false;
    }
    while (rest.len > 0) {
        label = slice_cut(&rest, '.');
        if (!label_is_valid(label)) {
            return false;
        }
    }
    struct in_addr address;
    return !label_is_numeric(label) || parse_address(AF_INET, host, &address);
}

static bool take_scheme(struct slice *rest, struct url *url)
{
    static const struct slice http = SLICE_INIT("http://");
    static const struct slice https = SLICE_INIT("https://");
    const struct slice *scheme = &http;
    if (rest->len >= https.len && slice_eq_nocase(slice_of(rest->ptr, https.len), https)) {
        scheme = &https;
    } else if (rest->len < http.len || !slice_eq_nocase(slice_of(rest->ptr, http.len), http)) {
        return false;
    }
    url->https = scheme == &https;
    *rest = slice_from(*rest, scheme->len);
    return true;
}

/* Splits the rest into authority, path and query. */
static void take_parts(struct slice rest, struct url *url)
{
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    url->authority = slice_of(rest.ptr, end);
    url->query = slice_from(rest, end);
    url->path = slice_cut(&url->query, '?');
}

static bool take_port(struct slice text, struct url *url, struct error *error)
{
    uint64_t port = 0;
    if (text.len > 5 || !slice_to_u64(text, &port) || port == 0 || port > UINT16_MAX) {
        return refuse(error, "the port of the URL is not a number from 1 to 65535");
    }
    url->port = (uint16_t)port;
    return true;
}

/* Sets *ret_after to what follows the host: empty, or a colon and the port. */
static bool take_host(struct url *url, struct slice *ret_after, struct error *error)
{
    struct slice authority = url->authority;
    struct in6_addr address;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        size_t close = slice_find(authority, ']');
        url->host_is_ipv6 = true;
        if (close == SIZE_MAX) {
            return refuse(error, "the IPv6 address of the URL lacks its closing bracket");
        }
        url->host = slice_of(authority.ptr + 1, close - 1);
        *ret_after = slice_from(authority, close + 1);
        return parse_address(AF_INET6, url->host, &address) ||
               refuse(error, "the URL holds no valid IPv6 address between the brackets");
    }
    size_t colon = slice_find(authority, ':');
    url->host = slice_of(authority.ptr, colon == SIZE_MAX ? authority.len : colon);
    *ret_after = slice_from(authority, url->host.len);
    if (url->host.len == 0) {
        return refuse(error, "the URL has no host");
    }
    return name_is_valid(url->host) || refuse(error, "the host of the URL is not a valid name");
}

static bool take_authority(struct url *url, struct error *error)
{
    struct slice after = SLICE_EMPTY;
    if (slice_find(url->authority, '@') != SIZE_MAX) {
        return refuse(error, "the URL holds user information; credentials go elsewhere");
    }
    if (!take_host(url, &after, error)) {
        return false;
    }
    url->port = url->https ? 443 : 80;
    if (after.len == 0) {
        return true;
    }
    if (after.ptr[0] != ':') {
        return refuse(error, "something other than a port follows the host of the URL");
    }
    return take_port(slice_from(after, 1), url, error);
}

bool url_parse(struct slice text, struct url *ret_url, struct error *error)
{
    struct url url = {0};
    struct slice rest = text;
    if (text.len > URL_MAX) {
        return refuse(error, "the URL is longer than 4096 bytes");
    }
    if (!take_scheme(&rest, &url)) {
        return refuse(error, "the URL begins with neither http:// nor https://");
    }
    if (slice_find(rest, '#') != SIZE_MAX) {
        return refuse(error, "the URL has a fragment ('#')");
    }
    take_parts(rest, &url);
    if (!take_authority(&url, error)) {
        return false;
    }
    if (!path_or_query_is_valid(url.path) || !path_or_query_is_valid(url.query)) {
        return refuse(error, "the path or query of the URL holds a character that must be escaped");
    }
    *ret_url = url;
    return true;
}

static bool same_host(const struct url *a, const struct url *b)
{
    struct in6_addr left;
    struct in6_addr right;
    if (a->host_is_ipv6 != b->host_is_ipv6) {
        return false;
    }
    /* One IPv6 address has many spellings. */
    if (a->host_is_ipv6 && parse_address(AF_INET6, a->host, &left) &&
        parse_address(AF_INET6, b->host, &right)) {
        return memcmp(&left, &right, sizeof(left)) == 0;
    }
    return slice_eq_nocase(a->host, b->host);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->https == b->https && a->port == b->port && same_host(a, b);
}

bool url_is_loopback(const struct url *url)
{
    struct in_addr four;
    struct in6_addr six;
    if (url->host_is_ipv6) {
        return parse_address(AF_INET6, url->host, &six) &&
               (IN6_IS_ADDR_LOOPBACK(&six) ||
                (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127));
    }
    if (parse_address(AF_INET, url->host, &four)) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    return slice_eq_nocase(url->host, SLICE("localhost"));
}
