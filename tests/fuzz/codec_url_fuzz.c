/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URL that is accepted consists of its parts: put together again they parse to the same parts and
 * the same origin. No part holds a byte that could break a request line or a header.
 */
#include "base/buf.h"
#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_bytes(struct slice part)
{
    for (size_t i = 0; i < part.len; i++) {
        CHECK(part.ptr[i] > ' ' && part.ptr[i] < 0x7F && part.ptr[i] != '#');
    }
}

static void check_parts(const struct url *url)
{
    CHECK(url->port != 0);
    CHECK(url->host.len > 0 && url->host.len <= url->authority.len);
    CHECK(slice_find(url->authority, '@') == SIZE_MAX);
    CHECK(slice_find(url->authority, '/') == SIZE_MAX);
    CHECK(url->path.len == 0 || url->path.ptr[0] == '/');
    check_bytes(url->authority);
    check_bytes(url->path);
    check_bytes(url->query);
}

static void check_again(const struct url *url)
{
    struct buf text = BUF_INIT(8192);
    struct url again;
    buf_append_cstr(&text, url->https ? "https://" : "http://");
    buf_append(&text, url->authority);
    buf_append(&text, url->path);
    buf_append_char(&text, '?');
    buf_append(&text, url->query);
    CHECK(url_parse(buf_slice(&text), &again, NULL) || text.len > 4096);
    if (text.len <= 4096) {
        CHECK(url_same_origin(url, &again));
        CHECK(slice_eq(url->host, again.host) && slice_eq(url->path, again.path));
        CHECK(slice_eq(url->query, again.query));
        CHECK(url_is_loopback(url) == url_is_loopback(&again));
    }
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct url url;
    struct error error;
    error_clear(&error);
    if (url_parse(slice_of((const char *)bytes, len), &url, &error)) {
        check_parts(&url);
        check_again(&url);
    } else {
        CHECK(error.kind == ERROR_INVALID && strcmp(error.code, "invalid_url") == 0);
    }
    return 0;
}
