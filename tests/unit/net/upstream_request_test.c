/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests, rendered each time and from a template: the same bytes. */
#include "net/upstream_private.h"

#include "tests/tap.h"

#define HEADERS "Content-Type: application/json\r\n"

static void origin_make(struct upstream_origin *origin, const char *text, const char *proxy)
{
    struct url url;
    struct error error;
    EXPECT(url_parse(slice_from_cstr(text), &url, &error));
    EXPECT(upstream_origin_init(origin, &url, SLICE("Authorization: Bearer s\r\n"), SLICE_EMPTY,
                                slice_from_cstr(proxy), &error));
}

/* What is rendered, which must be the same with and without a template. */
static void expect_head(const struct upstream_origin *origin, struct slice method,
                        struct slice body, const char *wanted)
{
    struct upstream_template template;
    struct error error;
    struct buf plain = BUF_INIT(4096);
    struct buf from_template = BUF_INIT(4096);
    struct upstream_request r = {.origin = origin,
                                 .method = method,
                                 .path = SLICE("/v1/x?y"),
                                 .headers = SLICE(HEADERS),
                                 .body = body};
    EXPECT(upstream_template_init(&template, origin, method, r.path, r.headers, &error));
    EXPECT(request_is_sendable(&r));
    EXPECT(request_render(&plain, &r));
    EXPECT_SLICE(buf_slice(&plain), wanted);
    struct upstream_request short_form = {.origin = origin, .template = &template, .body = body};
    EXPECT(request_is_sendable(&short_form));
    EXPECT(request_render(&from_template, &short_form));
    EXPECT_SLICE(buf_slice(&from_template), wanted);
    EXPECT(request_has_no_body(&short_form) == request_has_no_body(&r));
    upstream_template_release(&template);
    EXPECT(template.head == NULL);
    buf_release(&plain);
    buf_release(&from_template);
}

static void renders_the_same_with_a_template(void)
{
    struct upstream_origin origin;
    origin_make(&origin, "http://h:81", "");
    expect_head(&origin, SLICE("POST"), SLICE("12345678901"),
                "POST /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS
                "Content-Length: 11\r\n\r\n");
    expect_head(&origin, SLICE("POST"), SLICE_EMPTY,
                "POST /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS
                "Content-Length: 0\r\n\r\n");
    expect_head(&origin, SLICE("GET"), SLICE_EMPTY,
                "GET /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS "\r\n");
    expect_head(&origin, SLICE("GET"), SLICE("x"),
                "GET /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS
                "Content-Length: 1\r\n\r\n");
    expect_head(&origin, SLICE("HEAD"), SLICE_EMPTY,
                "HEAD /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS
                "\r\n");
    upstream_origin_release(&origin);
}

static void tells_a_forwarding_proxy_the_whole_address(void)
{
    struct upstream_origin origin;
    origin_make(&origin, "http://h:81", "http://u:p@proxy:3128");
    expect_head(&origin, SLICE("PUT"), SLICE("x"),
                "PUT http://h:81/v1/x?y HTTP/1.1\r\nHost: h:81\r\n"
                "Proxy-Authorization: Basic dTpw\r\nAuthorization: Bearer s\r\n" HEADERS
                "Content-Length: 1\r\n\r\n");
    upstream_origin_release(&origin);
    origin_make(&origin, "https://h:81", "http://u:p@proxy:3128");
    expect_head(&origin, SLICE("PUT"), SLICE("x"),
                "PUT /v1/x?y HTTP/1.1\r\nHost: h:81\r\nAuthorization: Bearer s\r\n" HEADERS
                "Content-Length: 1\r\n\r\n");
    upstream_origin_release(&origin);
}

static void refuses_what_would_end_the_line(void)
{
    static const struct slice paths[] = {SLICE_INIT("/a b"), SLICE_INIT("/a\r\nX: y"),
                                         SLICE_INIT("a"), SLICE_INIT(""), SLICE_INIT("/\x7f")};
    struct upstream_origin origin;
    struct upstream_template template;
    struct error error;
    origin_make(&origin, "http://h", "");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct upstream_request r = {.origin = &origin, .method = SLICE("GET"), .path = paths[i]};
        EXPECT(!request_is_sendable(&r));
        EXPECT(!upstream_template_init(&template, &origin, SLICE("GET"), paths[i], SLICE_EMPTY,
                                       &error));
        EXPECT(template.head == NULL);
    }
    EXPECT(
        !upstream_template_init(&template, &origin, SLICE("G T"), SLICE("/"), SLICE_EMPTY, &error));
    upstream_origin_release(&origin);
}

int main(void)
{
    TEST(renders_the_same_with_a_template, "renders the same head with and without a template");
    TEST(tells_a_forwarding_proxy_the_whole_address, "tells a forwarding proxy the whole address");
    TEST(refuses_what_would_end_the_line, "refuses a path or method that would end the line");
    return tap_done();
}
