/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream.h"

#include "base/memory.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

/* --- small helpers --- */

static char *text_copy(struct slice s)
{
    char *copy = memory_alloc(s.len + 1);

    if (copy != NULL) {
        slice_to_cstr(s, copy, s.len + 1);
    }
    return copy;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void text_lower(char *text)
{
    for (; *text != '\0'; text++) {
        *text = lower(*text);
    }
}

static void secret_free(char *secret)
{
    if (secret != NULL) {
        OPENSSL_cleanse(secret, strlen(secret));
        memory_free(secret);
    }
}

/* --- the proxy's URL --- */

static int hex_value(char c)
{
    c = lower(c);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding of user information (RFC 3986 3.2.1). */
static bool decode_user_info(struct slice text, struct buf *into)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (i + 2 >= text.len || hex_value(text.ptr[i + 1]) < 0 ||
                hex_value(text.ptr[i + 2]) < 0) {
                return false;
            }
            c = (char)(hex_value(text.ptr[i + 1]) * 16 + hex_value(text.ptr[i + 2]));
            i += 2;
        }
        if (c == '\0' || !buf_append_char(into, c)) {
            return false;
        }
    }
    return true;
}

/* "user:password" as in the URL -> "Proxy-Authorization: Basic ...\r\n" (RFC 7617). */
static char *proxy_authorization(struct slice user_info)
{
    static const char name[] = "Proxy-Authorization: Basic ";
    struct buf plain = BUF_INIT(4096);
    char *line = NULL;

    if (decode_user_info(user_info, &plain)) {
        size_t size = sizeof(name) + (plain.len + 2) / 3 * 4 + 2;
        line = memory_alloc(size);
        if (line != NULL) {
            memcpy(line, name, sizeof(name));
            int len = EVP_EncodeBlock((unsigned char *)line + sizeof(name) - 1,
                                      (const unsigned char *)plain.ptr, (int)plain.len);
            memcpy(line + sizeof(name) - 1 + len, "\r\n", 3);
        }
    }
    if (plain.ptr != NULL) {
        OPENSSL_cleanse(plain.ptr, plain.len);
    }
    buf_release(&plain);
    return line;
}

/* Never shows the text: it may hold a password. */
static bool proxy_invalid(struct error *error)
{
    return error_set(error, ERROR_INVALID, "invalid_proxy",
                     "the proxy is not an http:// URL with a host");
}

static bool proxy_init(struct upstream_origin *origin, struct slice proxy, struct error *error)
{
    struct slice scheme = SLICE("http://");
    struct url url;
    char text[1024];

    proxy = slice_trim(proxy);
    struct slice rest = proxy;
    if (slice_find_slice(proxy, SLICE("://")) != SIZE_MAX) {
        if (proxy.len < scheme.len || !slice_eq_nocase(slice_of(proxy.ptr, scheme.len), scheme)) {
            return proxy_invalid(error);
        }
        rest = slice_from(proxy, scheme.len);
    }
    struct slice authority = rest;
    authority.len = slice_find(rest, '/') == SIZE_MAX ? rest.len : slice_find(rest, '/');
    struct slice host = authority;
    for (size_t at; (at = slice_find(host, '@')) != SIZE_MAX;) {
        host = slice_from(host, at + 1);
    }
    if (host.len + scheme.len >= sizeof(text)) {
        return proxy_invalid(error);
    }
    snprintf(text, sizeof(text), "http://%.*s", SLICE_ARG(host));
    if (!url_parse(slice_from_cstr(text), &url, NULL)) {
        return proxy_invalid(error);
    }
    if (host.len != authority.len) {
        origin->proxy_headers =
            proxy_authorization(slice_of(authority.ptr, authority.len - host.len - 1));
        if (origin->proxy_headers == NULL) {
            return proxy_invalid(error);
        }
    }
    /* Without a port a proxy is at 80 here like any http URL. */
    origin->proxy_port = url.port;
    origin->proxy_host = text_copy(url.host);
    return origin->proxy_host != NULL ||
           error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
}

/* --- the origin --- */

/* The proxy's credential is part of the identity, but nobody should read it from there. */
static bool append_digest(struct buf *key, const char *secret)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (secret == NULL) {
        return true;
    }
    if (EVP_Digest(secret, strlen(secret), digest, &len, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        buf_printf(key, "%02x", digest[i]);
    }
    return !key->failed;
}

static char *pool_key_new(const struct upstream_origin *origin)
{
    struct buf key = BUF_INIT(64 * 1024);
    char *text = NULL;

    buf_printf(&key, "%s://[%s]:%u", origin->https ? "https" : "http", origin->host, origin->port);
    if (origin->ca_file != NULL) {
        buf_printf(&key, " ca=%s", origin->ca_file);
    }
    if (origin->proxy_host != NULL) {
        buf_printf(&key, " proxy=[%s]:%u ", origin->proxy_host, origin->proxy_port);
        if (!append_digest(&key, origin->proxy_headers)) {
            key.failed = true;
        }
    }
    if (!key.failed) {
        text = text_copy(buf_slice(&key));
    }
    buf_release(&key);
    return text;
}

bool upstream_origin_init(struct upstream_origin *origin, const struct url *url,
                          struct slice headers, struct slice ca_file, struct slice proxy,
                          struct error *error)
{
    *origin = (struct upstream_origin){.https = url->https, .port = url->port};
    if (slice_trim(proxy).len > 0 && !proxy_init(origin, proxy, error)) {
        upstream_origin_release(origin);
        return false;
    }
    origin->host = text_copy(url->host);
    origin->authority = text_copy(url->authority);
    origin->headers = text_copy(headers);
    origin->ca_file = ca_file.len > 0 ? text_copy(ca_file) : NULL;
    if (origin->host != NULL) {
        text_lower(origin->host);
        origin->pool_key = pool_key_new(origin);
    }
    if (origin->pool_key == NULL || origin->authority == NULL || origin->headers == NULL ||
        (ca_file.len > 0 && origin->ca_file == NULL)) {
        upstream_origin_release(origin);
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    return true;
}

void upstream_origin_release(struct upstream_origin *origin)
{
    secret_free(origin->headers);
    secret_free(origin->proxy_headers);
    memory_free(origin->host);
    memory_free(origin->authority);
    memory_free(origin->ca_file);
    memory_free(origin->proxy_host);
    memory_free(origin->pool_key);
    *origin = (struct upstream_origin){0};
}
