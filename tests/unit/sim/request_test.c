/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/request.h"

#include "tests/tap.h"

static const char sound[] = "POST /v1/chat/completions?key=abc HTTP/1.1\r\n"
                            "Host: h\r\n"
                            "content-LENGTH:  12 \r\n"
                            "X-Empty:\r\n"
                            "Expect: 100-continue\r\n"
                            "\r\n"
                            "{\"a\":\"b\"}   ";

static void reads_a_sound_head(void)
{
    struct sim_request request;

    EXPECT_INT(sim_request_read(slice_from_cstr(sound), &request), SIM_HEAD_DONE);
    EXPECT_SLICE(request.method, "POST");
    EXPECT_SLICE(request.path, "/v1/chat/completions");
    EXPECT_SLICE(request.query, "key=abc");
    EXPECT_INT(request.content_length, 12);
    EXPECT_INT(request.head_len, sizeof(sound) - 1 - 12);
    EXPECT(request.keep_alive && request.expects_continue && !request.chunked);
    EXPECT_SLICE(sim_request_header(&request, SLICE("host")), "h");
    EXPECT_SLICE(sim_request_header(&request, SLICE("x-empty")), "");
    EXPECT(sim_request_header(&request, SLICE("nosuch")).ptr == NULL);
}

static void asks_for_more_at_every_cut(void)
{
    size_t head = sizeof(sound) - 1 - 12;

    for (size_t len = 0; len < head; len++) {
        struct sim_request request;
        EXPECT_INT(sim_request_read(slice_of(sound, len), &request), SIM_HEAD_MORE);
    }
}

static void keeps_alive_by_version_and_header(void)
{
    struct sim_request request;

    EXPECT_INT(sim_request_read(SLICE("GET / HTTP/1.0\r\n\r\n"), &request), SIM_HEAD_DONE);
    EXPECT(request.http10 && !request.keep_alive);
    EXPECT_INT(
        sim_request_read(SLICE("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &request),
        SIM_HEAD_DONE);
    EXPECT(request.keep_alive);
    EXPECT_INT(
        sim_request_read(SLICE("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n"), &request),
        SIM_HEAD_DONE);
    EXPECT(!request.keep_alive);
}

static void refuses_what_is_ambiguous(void)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\rx: y\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sim_request request;
        EXPECT_INT(sim_request_read(slice_from_cstr(bad[i]), &request), SIM_HEAD_BAD);
        EXPECT(request.problem != NULL);
    }
}

static void refuses_a_head_without_end(void)
{
    static char long_head[SIM_HEAD_MAX + 100];
    struct sim_request request;

    memset(long_head, 'a', sizeof(long_head));
    memcpy(long_head, "GET / HTTP/1.1\r\nx: ", 19);
    EXPECT_INT(sim_request_read(slice_of(long_head, SIM_HEAD_MAX), &request), SIM_HEAD_MORE);
    EXPECT_INT(sim_request_read(slice_of(long_head, SIM_HEAD_MAX + 1), &request), SIM_HEAD_BAD);
}

int main(void)
{
    TEST(reads_a_sound_head, "a sound head is read");
    TEST(asks_for_more_at_every_cut, "a head cut anywhere asks for more");
    TEST(keeps_alive_by_version_and_header, "keep-alive follows version and header");
    TEST(refuses_what_is_ambiguous, "ambiguous heads are refused with a reason");
    TEST(refuses_a_head_without_end, "a head beyond the ceiling is refused");
    return tap_done();
}
