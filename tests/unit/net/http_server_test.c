/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/http_server_harness.h"

#define CLOSE "Connection: close\r\n"
#define REQUEST(line) line " HTTP/1.1\r\nHost: t\r\n"

/* Sends the text cut at every byte, each time on a new connection, and expects the same answers and
   the same log. The last request must close. */
static void expect_conversation(struct slice text, const char *answers, const char *log)
{
    bool whole = true;

    for (size_t cut = 0; cut <= text.len && !tap_point_failed; cut++) {
        client_connect();
        client_send(slice_of(text.ptr, cut));
        spin();
        client_send(slice_from(text, cut));
        EXPECT(run_until(is_closed));
        EXPECT(!h.reset);
        EXPECT_SLICE(received(), answers);
        EXPECT_SLICE(slice_from_cstr(h.log), log);
        whole = whole && !tap_point_failed;
        if (!whole) {
            printf("# cut at %zu\n", cut);
        }
    }
    EXPECT(run_until(has_no_connections));
}

#define CONVERSATION(text, answers, log)                                                           \
    do {                                                                                           \
        harness_open(NULL, NULL);                                                                  \
        expect_conversation(SLICE(text), answers, log);                                            \
        harness_close();                                                                           \
    } while (0)

static void answers_get(void)
{
    CONVERSATION(REQUEST("GET /x") CLOSE "\r\n",
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n",
                 "GET /x [] done\n");
}

static void echoes_a_body(void)
{
    CONVERSATION(REQUEST("POST /echo") CLOSE "Content-Length: 5\r\n\r\nhello",
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 5\r\n" CLOSE "\r\nhello",
                 "POST /echo [hello] done\n");
}

static void echoes_chunks(void)
{
    CONVERSATION(REQUEST("POST /echo") CLOSE "Transfer-Encoding: chunked\r\n\r\n"
                                             "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nHost: evil\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 5\r\n" CLOSE "\r\nhello",
                 "POST /echo [hello] done\n");
}

static void answers_pipelined_requests_in_order(void)
{
    CONVERSATION(
        REQUEST("POST /echo") "Content-Length: 3\r\n\r\none" REQUEST("GET /later") "\r\n" REQUEST(
            "POST /stream") "Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n\r\n"
                            "\r\n" REQUEST("GET /sized") "\r\n" REQUEST("GET /end") CLOSE "\r\n",
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 3\r\n\r\none"
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 4\r\n\r\nlate"
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\none\r\n13\r\ntwo, a longer piece\r\n0\r\n\r\n"
        "HTTP/1.1 201 Created\r\n" DATE "Content-Length: 5\r\n\r\nhello"
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n",
        "POST /echo [one] done\nGET /later [] done\nPOST /stream [2] done\nGET /sized [] done\n"
        "GET /end [] done\n");
}

static void answers_http_1_0(void)
{
    CONVERSATION("GET /stream HTTP/1.0\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE CLOSE "\r\nonetwo, a longer piece",
                 "GET /stream [] done\n");
    CONVERSATION("GET /sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /x HTTP/1.0\r\n\r\n",
                 "HTTP/1.1 201 Created\r\n" DATE
                 "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"
                 "helloHTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n",
                 "GET /sized [] done\nGET /x [] done\n");
}

static void answers_without_a_body(void)
{
    CONVERSATION(REQUEST("HEAD /sized") "\r\n" REQUEST("HEAD /stream") "\r\n" REQUEST("GET /empty")
                     CLOSE "\r\n",
                 "HTTP/1.1 201 Created\r\n" DATE "Content-Length: 5\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"
                 "HTTP/1.1 204 No Content\r\n" DATE CLOSE "\r\n",
                 "HEAD /sized [] done\nHEAD /stream [] done\nGET /empty [] done\n");
}

#define ECHO_HEAD REQUEST("POST /echo") "Key: value\r\nContent-Length: "
#define ECHOED(len) "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: " len "\r\n\r\n"

static void reads_heads_that_come_again(void)
{
    CONVERSATION(ECHO_HEAD "3\r\n\r\none" ECHO_HEAD "4\r\n\r\nfour" ECHO_HEAD
                           "11\r\n\r\nhello world" ECHO_HEAD "05\r\n\r\nzeros" ECHO_HEAD
                           "+1\r\n\r\nX",
                 ECHOED("3") "one" ECHOED("4") "four" ECHOED("11") "hello world" ECHOED(
                     "5") "zeros"
                          "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n" DATE
                          "Content-Length: 130\r\n" CLOSE "\r\n"
                          "{\"error\":{\"message\":\"Content-Length is malformed or ambiguous.\","
                          "\"type\":\"invalid_request_error\",\"param\":null,"
                          "\"code\":\"bad_framing\"}}",
                 "POST /echo [one] done\nPOST /echo [four] done\nPOST /echo [hello world] done\n"
                 "POST /echo [zeros] done\n");
    CONVERSATION(REQUEST("GET /sized") "\r\n" REQUEST("GET /sized") "\r\n" REQUEST("HEAD /sized")
                     CLOSE "\r\n",
                 "HTTP/1.1 201 Created\r\n" DATE "Content-Length: 5\r\n\r\nhello"
                 "HTTP/1.1 201 Created\r\n" DATE "Content-Length: 5\r\n\r\nhello"
                 "HTTP/1.1 201 Created\r\n" DATE "Content-Length: 5\r\n" CLOSE "\r\n",
                 "GET /sized [] done\nGET /sized [] done\nHEAD /sized [] done\n");
}

/* Sends a request and waits for its end; returns how many heads were known by now. */
static int repeats_after(const char *request)
{
    int ends = h.ends;

    client_send(slice_from_cstr(request));
    while (h.ends == ends) {
        uv_run(&h.loop.uv, UV_RUN_ONCE);
    }
    return h.repeats;
}

static void keeps_the_note_of_a_head(void)
{
    harness_open(NULL, NULL);
    client_connect();
    EXPECT_INT(repeats_after(ECHO_HEAD "3\r\n\r\none"), 0);
    EXPECT_INT(repeats_after(ECHO_HEAD "3\r\n\r\ntwo"), 1);
    EXPECT_INT(repeats_after(ECHO_HEAD "4\r\n\r\nfour"), 2);
    EXPECT_INT(repeats_after(ECHO_HEAD "11\r\n\r\nhello world"), 2); /* of another length */
    EXPECT_INT(repeats_after(ECHO_HEAD "11\r\n\r\nhello again"), 3);
    EXPECT_INT(repeats_after(REQUEST("POST /Echo") "Key: value\r\nContent-Length: 1\r\n\r\n1"), 3);
    EXPECT_INT(repeats_after(ECHO_HEAD "3\r\nKey: value\r\n\r\none"), 3);
    EXPECT_INT(repeats_after(REQUEST("GET /big") "\r\n"), 3);
    EXPECT_INT(repeats_after(REQUEST("GET /big") "\r\n"), 3); /* its memory was given back */
    harness_close();
}

static void keeps_a_get_body_out_of_the_next_request(void)
{
    CONVERSATION(
        REQUEST("GET /echo") "Content-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r" REQUEST("OPTIONS *")
            CLOSE "\r\n",
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r"
        "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n",
        "GET /echo [GET /x HTTP/1.1\r\n\r] done\nOPTIONS * [] done\n");
}

static void answers_early_and_goes_on_when_the_body_is_there(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /early") "Content-Length: 5\r\n\r\nhello" REQUEST(
        "POST /early") "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" REQUEST("GET /x")
                          CLOSE "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(received(),
                 "HTTP/1.1 401 Unauthorized\r\n" DATE "Content-Length: 2\r\n\r\nno"
                 "HTTP/1.1 401 Unauthorized\r\n" DATE "Content-Length: 2\r\n\r\nno"
                 "HTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n");
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /early done\nPOST /early done\nGET /x [] done\n");
    harness_close();
}

static void answers_early_and_closes_when_the_body_is_missing(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /early") "Content-Length: 6\r\n\r\nhello"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(received(),
                 "HTTP/1.1 401 Unauthorized\r\n" DATE "Content-Length: 2\r\n" CLOSE "\r\nno");
    /* The rest of the body is dropped, not taken for a request, and the client is waited for. */
    client_send(SLICE("!" REQUEST("GET /x") "\r\n"));
    spin();
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /early done\n");
    EXPECT_INT(http_server_connections(h.server), 1);
    client_close();
    EXPECT(run_until(has_no_connections));
    harness_close();
}

static bool has_continue(void)
{
    return received_has("100 Continue\r\n\r\n");
}

static void continues_when_asked(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(
        SLICE(REQUEST("POST /echo") CLOSE "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    EXPECT(run_until(has_continue));
    client_send(SLICE("hello"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(received(), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Test: 1\r\n" DATE
                             "Content-Length: 5\r\n" CLOSE "\r\nhello");
    /* Nobody waits when the body is there already. */
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") CLOSE
                      "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"));
    EXPECT(run_until(is_closed));
    EXPECT(!has_continue());
    /* Refused early: the body does not come, so the connection ends. */
    client_connect();
    client_send(SLICE(REQUEST("POST /early") "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 401 Unauthorized\r\n"));
    EXPECT(received_has(CLOSE));
    harness_close();
}

static void accepts_later(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /wait") CLOSE "Content-Length: 5\r\n\r\nhel"));
    EXPECT(run_until(is_open));
    spin();
    http_accept_body(h.open, 100);
    spin();
    client_send(SLICE("lo"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /wait [hello] done\n");
    client_connect();
    client_send(SLICE(REQUEST("POST /wait") "Content-Length: 5\r\n\r\nhello" REQUEST("GET /x") CLOSE
                      "\r\n"));
    EXPECT(run_until(is_open));
    spin();
    http_respond(h.open, 403, NULL, 0, SLICE_EMPTY);
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /wait"
                                         "done\nGET /x [] done\n");
    harness_close();
}

/* --- refusals over the wire --- */

static void expect_refusal(struct slice text, const char *status, const char *code)
{
    char wanted[128];

    for (size_t cut = 0; cut < text.len; cut += 1 + text.len / 40) {
        client_connect();
        client_send(slice_of(text.ptr, cut));
        spin();
        client_send(slice_from(text, cut));
        client_send(SLICE(REQUEST("GET /smuggled") "\r\n"));
        EXPECT(run_until(is_closed));
        snprintf(wanted, sizeof(wanted), "HTTP/1.1 %s\r\n", status);
        EXPECT(received_starts(wanted));
        snprintf(wanted, sizeof(wanted), "\"param\":null,\"code\":\"%s\"}}", code);
        EXPECT(received_has(wanted));
        EXPECT(received_has("Content-Type: application/json\r\n"));
        EXPECT(received_has(CLOSE));
        EXPECT(slice_find_slice(slice_from_cstr(h.log), SLICE("smuggled")) == SIZE_MAX);
        if (tap_point_failed) {
            printf("# cut at %zu of: %.*s\n# got %.*s\n", cut, SLICE_ARG(text),
                   SLICE_ARG(received()));
            return;
        }
    }
}

static void refuses_and_closes(void)
{
    harness_open(NULL, NULL);
    expect_refusal(SLICE(REQUEST("POST /") "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                                           "\r\n0\r\n\r\n"),
                   "400 Bad Request", "bad_framing");
    expect_refusal(SLICE("GET / HTTP/1.1\nHost: t\n\n"), "400 Bad Request", "bad_framing");
    expect_refusal(SLICE("GET / HTTP/1.1\r\n\r\n"), "400 Bad Request", "bad_host");
    expect_refusal(SLICE(REQUEST("GET /") "X : y\r\n\r\n"), "400 Bad Request", "bad_header");
    expect_refusal(SLICE("GET / HTTP/1.2\r\n\r\n"), "400 Bad Request", "bad_http_version");
    expect_refusal(SLICE("GET\r\n\r\n"), "400 Bad Request", "bad_request_line");
    expect_refusal(SLICE(REQUEST("GET x") "\r\n"), "400 Bad Request", "bad_request_target");
    expect_refusal(SLICE(REQUEST("TRACE /") "\r\n"), "405 Method Not Allowed",
                   "method_not_allowed");
    EXPECT(received_has("\r\nAllow: GET, "));
    expect_refusal(SLICE(REQUEST("CONNECT t:443") "\r\n"), "405 Method Not Allowed",
                   "method_not_allowed");
    expect_refusal(SLICE(REQUEST("GET /") "Expect: x\r\n\r\n"), "417 Expectation Failed",
                   "expectation_failed");
    expect_refusal(SLICE(REQUEST("POST /") "Transfer-Encoding: gzip\r\n\r\n"),
                   "501 Not Implemented", "unsupported_transfer_encoding");
    expect_refusal(SLICE(REQUEST("FETCH /") "\r\n"), "501 Not Implemented", "unknown_method");
    EXPECT_INT(h.heads, 0);
    harness_close();
}

static void refuses_head_without_a_body(void)
{
    static const struct slice requests[] = {
        SLICE_INIT("HEAD / HTTP/1.1\nHost: t\n\n"),
        SLICE_INIT("HEAD / HTTP/1.1\r\nHost: t\r\nX: \x01\r\n\r\n"),
        SLICE_INIT("\r\nHEAD /\x01 HTTP/1.1\r\nHost: t\r\n\r\n"),
        SLICE_INIT(REQUEST("GET /x") "\r\nHEAD / HTTP/1.1\nHost: t\n\n"),
        SLICE_INIT("HEAD / HTTP/1.1\r\n\r\n"),
        SLICE_INIT("HEAD / HTTP/1.2\r\nHost: t\r\n\r\n"),
        SLICE_INIT("HEAD x HTTP/1.1\r\nHost: t\r\n\r\n"),
    };

    harness_open(NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        for (size_t cut = 0; cut <= requests[i].len; cut += requests[i].len) {
            client_connect();
            client_send(slice_of(requests[i].ptr, cut / 2));
            spin();
            client_send(slice_from(requests[i], cut / 2));
            EXPECT(run_until(is_closed));
            EXPECT(received_has("HTTP/1.1 400 Bad Request\r\n"));
            EXPECT(slice_ends(received(), SLICE(CLOSE "\r\n")));
        }
    }
    harness_close();
}

static void refuses_bad_chunks(void)
{
    static const struct slice bodies[] = {
        SLICE_INIT("0x5\r\nhello\r\n0\r\n\r\n"),      SLICE_INIT("+5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5\nhello\r\n0\r\n\r\n"),          SLICE_INIT("5\r\nhello!0\r\n\r\n"),
        SLICE_INIT("5\r\nhello\r\n0\r\nX y\r\n\r\n"), SLICE_INIT("fffffffffffffffff\r\n"),
    };

    harness_open(NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        char text[256];
        int len = snprintf(text, sizeof(text),
                           REQUEST("POST /echo") "Transfer-Encoding: chunked\r\n\r\n%.*s",
                           SLICE_ARG(bodies[i]));
        expect_refusal(slice_of(text, (size_t)len), "400 Bad Request", "bad_framing");
        EXPECT_SLICE(slice_from_cstr(h.log), "POST /echodone\n");
    }
    harness_close();
}

static void refuses_large_bodies(void)
{
    harness_open(NULL, NULL);
    h.accept_limit = 5;
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Content-Length: 4\r\n\r\nhell" REQUEST(
        "POST /echo") "Content-Length: 5\r\n\r\nhello" REQUEST("POST /echo") "Transfer-Encoding: "
                                                                             "chunked\r\n\r\n5\r\nh"
                                                                             "ello\r\n0\r\n\r"
                                                                             "\n" REQUEST("GET /x")
                                                                                 CLOSE "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echo [hell] done\nPOST /echo [hello] done\n"
                                         "POST /echo [hello] done\nGET /x [] done\n");
    expect_refusal(SLICE(REQUEST("POST /echo") "Content-Length: 6\r\n\r\nhello!"),
                   "413 Content Too Large", "body_too_large");
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echodone\n");
    expect_refusal(SLICE(REQUEST("POST /echo") "Transfer-Encoding: chunked\r\n\r\n"
                                               "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n"),
                   "413 Content Too Large", "body_too_large");
    harness_close();
    struct http_limits limits = http_default_limits;
    limits.body_bytes = 5; /* the server's own limit is stronger than the handler's */
    harness_open(&limits, NULL);
    expect_refusal(SLICE(REQUEST("POST /echo") "Content-Length: 6\r\n\r\nhello!"),
                   "413 Content Too Large", "body_too_large");
    harness_close();
}

static bool has_two_bodies(void)
{
    return h.received_len >= (size_t)2 * 300000;
}

static void carries_large_bodies(void)
{
    size_t size = 300000;
    char *body = malloc(size);
    char head[128];

    for (size_t i = 0; i < size; i++) {
        body[i] = (char)('a' + i % 23);
    }
    harness_open(NULL, NULL);
    client_connect();
    snprintf(head, sizeof(head), REQUEST("POST /echo") "Content-Length: %zu\r\n\r\n", size);
    for (int i = 0; i < 2; i++) {
        client_send(slice_from_cstr(head));
        client_send(slice_of(body, size));
    }
    EXPECT(run_until(has_two_bodies));
    spin();
    client_receive();
    EXPECT(h.received_len > size && memcmp(h.received + h.received_len - size, body, size) == 0);
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echo [] done\nPOST /echo [] done\n");
    harness_close();
    free(body);
}

/* --- cuts and departures --- */

static void cuts_short_answers(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /short") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_has("Content-Length: 5\r\n\r\nhe"));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /short [] closed\n");
    client_connect();
    client_send(SLICE(REQUEST("GET /long") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /long [] closed\n");
    EXPECT(!received_has("hello!"));
    client_connect();
    client_send(SLICE(REQUEST("GET /abort") "\r\n" REQUEST("GET /x") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_has("4\r\npart\r\n"));
    EXPECT(!received_has("0\r\n\r\n"));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /abort [] closed\n");
    harness_close();
}

static void notices_a_client_that_leaves(void)
{
    static const char *const paths[] = {"/wait", "/never", "/begun"};

    harness_open(NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (int half = 0; half < 2; half++) {
            char text[128];
            client_connect();
            snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]);
            client_send(slice_from_cstr(text));
            EXPECT(run_until(is_open));
            if (half == 1) {
                shutdown(h.client, SHUT_WR);
            } else {
                client_close();
            }
            EXPECT(run_until(is_ended));
            EXPECT(slice_ends(slice_from_cstr(h.log), SLICE("closed\n")));
        }
    }
    EXPECT(run_until(has_no_connections));
    harness_close();
}

static void notices_a_client_that_leaves_behind_a_full_pipeline(void)
{
    static char flood[256 * 1024];

    memset(flood, 'x', sizeof(flood));
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    for (int i = 0; i < 50; i++) {
        spin();
        (void)!send(h.client, flood, sizeof(flood), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    /* It is bounded: at last the socket takes nothing more. */
    EXPECT(send(h.client, flood, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0);
    EXPECT(is_open());
    shutdown(h.client, SHUT_WR);
    EXPECT(run_until(is_ended));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /never [] closed\n");
    harness_close();
}

static void notices_a_body_that_breaks_off(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Content-Length: 5\r\n\r\nhell"));
    spin();
    shutdown(h.client, SHUT_WR);
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echoclosed\n");
    EXPECT_INT(h.received_len, 0);
    harness_close();
}

static void answers_a_client_that_half_closed(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /x") "\r\n"));
    shutdown(h.client, SHUT_WR);
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /x [] done\n");
    harness_close();
}

static void gives_the_request_until_the_end(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /never?q") "Key: value\r\nContent-Length: 4\r\n\r\nbody"));
    EXPECT(run_until(is_open));
    spin();
    const struct http_request *r = http_exchange_request(h.open);
    EXPECT_SLICE(r->query, "q");
    EXPECT_SLICE(http_header_find(r->headers, r->header_count, SLICE("key")), "value");
    EXPECT_SLICE(http_exchange_peer(h.open), "");
    EXPECT(http_exchange_started(h.open) == 5 * NS_PER_S);
    http_release_body(h.open);
    http_respond(h.open, 200, NULL, 0, SLICE_EMPTY);
    EXPECT(h.open != NULL); /* on_end comes from the loop */
    EXPECT(run_until(is_ended));
    harness_close();
}

static void flushes_a_head_alone(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    http_start(h.open, 200, NULL, 0, HTTP_CONTENT_LENGTH_UNKNOWN);
    client_receive();
    EXPECT_INT(h.received_len, 0);
    http_flush(h.open);
    client_receive();
    EXPECT_SLICE(received(), "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n");
    http_finish(h.open);
    client_receive();
    EXPECT(received_has("\r\n0\r\n\r\n"));
    EXPECT(run_until(is_ended));
    harness_close();
}

int main(void)
{
    TEST(answers_get, "answers a GET, whatever the cut");
    TEST(echoes_a_body, "reads a body of known length, whatever the cut");
    TEST(echoes_chunks, "reads a chunked body and ignores its trailers, whatever the cut");
    TEST(answers_pipelined_requests_in_order, "answers pipelined requests in order");
    TEST(answers_http_1_0, "answers HTTP/1.0 with and without keep-alive");
    TEST(answers_without_a_body, "answers HEAD and 204 without a body");
    TEST(reads_heads_that_come_again, "reads a head that comes again with another length");
    TEST(keeps_the_note_of_a_head, "keeps the note of a head that comes again, of no other");
    TEST(keeps_a_get_body_out_of_the_next_request, "frames a GET body by its fields");
    TEST(answers_early_and_goes_on_when_the_body_is_there, "an early answer keeps the connection");
    TEST(answers_early_and_closes_when_the_body_is_missing, "an early answer drops a missing body");
    TEST(continues_when_asked, "sends 100 Continue when it helps");
    TEST(accepts_later, "a handler may accept or answer on a later turn");
    TEST(refuses_and_closes, "refuses bad heads with a code, then closes, nothing is smuggled");
    TEST(refuses_head_without_a_body, "refuses HEAD without a body");
    TEST(refuses_bad_chunks, "refuses bad chunks and ends the exchange");
    TEST(refuses_large_bodies, "limits the body at the byte, both framings");
    TEST(carries_large_bodies, "carries large bodies over kept connections");
    TEST(cuts_short_answers, "cuts answers that are not what was announced");
    TEST(notices_a_client_that_leaves, "notices a client that closes or half-closes");
    TEST(notices_a_client_that_leaves_behind_a_full_pipeline,
         "bounds pipelined bytes and still notices the end");
    TEST(notices_a_body_that_breaks_off, "notices a body that breaks off");
    TEST(answers_a_client_that_half_closed, "answers a half-closed client when it can at once");
    TEST(gives_the_request_until_the_end, "gives the request until the end");
    TEST(flushes_a_head_alone, "sends the head alone when asked to");
    return tap_done();
}
