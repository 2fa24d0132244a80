/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "tests/tap.h"

#include <sys/socket.h>
#include <unistd.h>

static struct net_loop loop;
static struct stream stream;
static int peer;
static int readable_events;
static int writable_events;
static int closed;

static void on_ready(struct stream *s, bool readable, bool writable)
{
    EXPECT(s == &stream);
    readable_events += readable;
    writable_events += writable;
}

static void on_closed(struct stream *s)
{
    EXPECT(s == &stream);
    closed++;
}

static void open_stream(void)
{
    int pair[2];

    readable_events = 0;
    writable_events = 0;
    closed = 0;
    CHECK(net_loop_init(&loop, &clock_system));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    peer = pair[0];
    CHECK(stream_init(&stream, &loop, pair[1], on_ready));
}

static void close_stream(void)
{
    if (!stream.closing) {
        stream_close(&stream, false, on_closed);
    }
    EXPECT_INT(closed, 0); /* on a later turn */
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    EXPECT_INT(closed, 1);
    if (peer >= 0) {
        close(peer);
    }
    net_loop_release(&loop);
}

static void turn(void)
{
    uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void reads_and_ends(void)
{
    char bytes[16];
    size_t len = 99;

    open_stream();
    EXPECT_INT(stream_read(&stream, bytes, sizeof(bytes), &len), STREAM_AGAIN);
    EXPECT_INT(len, 0);
    EXPECT_INT(send(peer, "hello", 5, 0), 5);
    EXPECT_INT(stream_read(&stream, bytes, 3, &len), STREAM_OK);
    EXPECT_SLICE(slice_of(bytes, len), "hel");
    EXPECT_INT(stream_read(&stream, bytes, sizeof(bytes), &len), STREAM_OK);
    EXPECT_SLICE(slice_of(bytes, len), "lo");
    close(peer);
    peer = -1;
    EXPECT_INT(stream_read(&stream, bytes, sizeof(bytes), &len), STREAM_EOF);
    EXPECT(!stream_has_buffered(&stream));
    close_stream();
}

static void gathers_parts(void)
{
    struct slice parts[8];
    char bytes[64];
    size_t len = 0;

    open_stream();
    for (int i = 0; i < 8; i++) {
        parts[i] = i % 3 == 2 ? SLICE_EMPTY : SLICE("ab");
    }
    EXPECT_INT(stream_write(&stream, parts, 8, &len), STREAM_OK);
    EXPECT_INT(len, 12);
    EXPECT_INT(recv(peer, bytes, sizeof(bytes), 0), 12);
    EXPECT_SLICE(slice_of(bytes, 12), "abababababab");
    close_stream();
}

/* Short parts go another way to the kernel than long ones. */
static void gathers_parts_of_any_length(void)
{
    static char many[2000];

    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = (char)('a' + i % 23);
    }
    for (size_t total = 505; total < 520; total++) {
        struct slice parts[3] = {slice_of(many, 3), slice_of(many + 3, total - 5),
                                 slice_of(many + total - 2, 2)};
        char bytes[1000];
        size_t len = 0;
        open_stream();
        EXPECT_INT(stream_write(&stream, parts, 3, &len), STREAM_OK);
        EXPECT_INT(len, total);
        EXPECT_INT(recv(peer, bytes, sizeof(bytes), 0), total);
        EXPECT(slice_eq(slice_of(bytes, total), slice_of(many, total)));
        close_stream();
    }
}

static void takes_what_fits(void)
{
    static char much[4 * 1024 * 1024];
    struct slice part = slice_of(much, sizeof(much));
    size_t len = 0;

    open_stream();
    EXPECT_INT(stream_write(&stream, &part, 1, &len), STREAM_OK);
    EXPECT(len > 0 && len < sizeof(much));
    EXPECT_INT(stream_write(&stream, &part, 1, &len), STREAM_AGAIN);
    stream_watch(&stream, false, true);
    turn();
    EXPECT_INT(writable_events, 0);
    while (recv(peer, much, sizeof(much), MSG_DONTWAIT) > 0) {
    }
    turn();
    EXPECT_INT(writable_events, 1);
    EXPECT_INT(readable_events, 0);
    close_stream();
}

static void watches_level_triggered(void)
{
    open_stream();
    stream_watch(&stream, true, false);
    turn();
    EXPECT_INT(readable_events, 0);
    EXPECT_INT(send(peer, "x", 1, 0), 1);
    turn();
    turn();
    EXPECT_INT(readable_events, 2);
    stream_watch(&stream, false, false);
    turn();
    EXPECT_INT(readable_events, 2);
    stream_watch(&stream, true, true);
    turn();
    EXPECT_INT(readable_events, 3);
    EXPECT_INT(writable_events, 1);
    close_stream();
}

static void read_some(struct stream *s, size_t size)
{
    char bytes[16];
    size_t len = 0;

    EXPECT_INT(stream_read(s, bytes, size, &len), STREAM_OK);
}

static size_t bytes_to_read; /* at each event; 0: none */

static void on_ready_read(struct stream *s, bool readable, bool writable)
{
    on_ready(s, readable, writable);
    if (readable && bytes_to_read > 0) {
        read_some(s, bytes_to_read);
    }
}

/* The steady state: events whose bytes are all read at once. */
static void open_calm_stream(void)
{
    open_stream();
    stream.on_ready = on_ready_read;
    bytes_to_read = 16;
    stream_watch(&stream, true, false);
    for (int i = 1; i <= 4; i++) {
        EXPECT_INT(send(peer, "abc", 3, 0), 3);
        turn();
        turn();
        EXPECT_INT(readable_events, i);
    }
    EXPECT(stream.edge);
}

static void tells_again_what_a_read_has_left(void)
{
    open_calm_stream();
    bytes_to_read = 2;
    EXPECT_INT(send(peer, "abcd", 4, 0), 4);
    turn();
    EXPECT_INT(readable_events, 5);
    turn();
    EXPECT_INT(readable_events, 6);
    turn();
    EXPECT_INT(readable_events, 6);
    close_stream();
}

static void tells_again_what_was_not_read(void)
{
    open_calm_stream();
    bytes_to_read = 0;
    EXPECT_INT(send(peer, "abc", 3, 0), 3);
    turn();
    turn();
    turn();
    EXPECT_INT(readable_events, 7);
    close_stream();
}

static void tells_what_a_read_between_events_has_left(void)
{
    open_calm_stream();
    EXPECT_INT(send(peer, "abcd", 4, 0), 4);
    read_some(&stream, 2);
    turn();
    EXPECT_INT(readable_events, 5);
    turn();
    EXPECT_INT(readable_events, 5);
    close_stream();
}

static void tells_an_end_behind_bytes_told_with_it(void)
{
    open_calm_stream();
    EXPECT_INT(send(peer, "abc", 3, 0), 3);
    shutdown(peer, SHUT_WR);
    turn();
    EXPECT_INT(readable_events, 5);
    bytes_to_read = 0;
    turn();
    EXPECT_INT(readable_events, 6);
    EXPECT_INT(stream_read(&stream, (char[4]){0}, 4, &(size_t){0}), STREAM_EOF);
    close_stream();
}

static void tells_a_hangup_behind_unread_bytes(void)
{
    open_stream();
    EXPECT_INT(send(peer, "x", 1, 0), 1);
    stream_watch_hangup(&stream, true);
    turn();
    EXPECT_INT(readable_events, 0);
    shutdown(peer, SHUT_WR);
    turn();
    EXPECT_INT(readable_events, 1);
    stream_watch_hangup(&stream, false);
    turn();
    EXPECT_INT(readable_events, 1);
    close_stream();
}

static void writing_to_a_closed_peer_is_an_error(void)
{
    struct slice part = SLICE("x");
    size_t len = 0;

    open_stream();
    close(peer);
    peer = -1;
    EXPECT_INT(stream_write(&stream, &part, 1, &len), STREAM_ERROR);
    EXPECT_INT(len, 0);
    close_stream();
}

static void shuts_its_side(void)
{
    char bytes[4];
    size_t len = 0;

    open_stream();
    EXPECT(stream_shutdown(&stream));
    EXPECT_INT(recv(peer, bytes, sizeof(bytes), 0), 0);
    EXPECT_INT(send(peer, "ok", 2, 0), 2);
    EXPECT_INT(stream_read(&stream, bytes, sizeof(bytes), &len), STREAM_OK);
    EXPECT_SLICE(slice_of(bytes, len), "ok");
    close_stream();
}

static void close_on_ready(struct stream *s, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    readable_events++;
    stream_close(s, true, on_closed);
}

static void may_be_closed_when_ready(void)
{
    open_stream();
    stream.on_ready = close_on_ready;
    stream_watch(&stream, true, true);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    EXPECT_INT(readable_events, 1);
    EXPECT_INT(closed, 1);
    closed = 0;
    closed++;
    close(peer);
    net_loop_release(&loop);
}

static void refuses_what_is_no_socket(void)
{
    struct stream other;

    open_stream();
    EXPECT(!stream_init(&other, &loop, -1, on_ready));
    close_stream();
}

int main(void)
{
    TEST(reads_and_ends, "reads what is there, then the end");
    TEST(gathers_parts, "gathers up to eight parts, empty ones too");
    TEST(gathers_parts_of_any_length, "gathers short parts and long ones");
    TEST(takes_what_fits, "takes what fits and tells when there is room");
    TEST(watches_level_triggered, "is level-triggered");
    TEST(tells_again_what_a_read_has_left, "in the steady state: tells what a read has left");
    TEST(tells_again_what_was_not_read, "... and what was not read");
    TEST(tells_what_a_read_between_events_has_left, "... and what a read of itself has left");
    TEST(tells_an_end_behind_bytes_told_with_it, "... and an end behind bytes told with it");
    TEST(tells_a_hangup_behind_unread_bytes, "tells a hang-up behind unread bytes");
    TEST(writing_to_a_closed_peer_is_an_error, "writing to a closed peer is an error, no signal");
    TEST(shuts_its_side, "shuts its side and still reads");
    TEST(may_be_closed_when_ready, "may be closed from its callback");
    TEST(refuses_what_is_no_socket, "refuses a bad descriptor");
    return tap_done();
}
