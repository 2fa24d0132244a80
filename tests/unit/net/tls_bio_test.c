/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_bio.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ours;
static int peer;
static BIO *bio;

static void bio_open(void)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    ours = pair[0];
    peer = pair[1];
    bio = tls_bio_new(ours);
    CHECK(bio != NULL);
}

static void bio_close(void)
{
    BIO_free(bio);
    EXPECT(fcntl(ours, F_GETFD) >= 0); /* the descriptor is not its own */
    close(ours);
    if (peer >= 0) {
        close(peer);
    }
}

static void moves_bytes(void)
{
    char bytes[16];
    size_t len = 0;

    bio_open();
    EXPECT_INT(BIO_write_ex(bio, "hello", 5, &len), 1);
    EXPECT_INT(len, 5);
    EXPECT_INT(recv(peer, bytes, sizeof(bytes), 0), 5);
    EXPECT_INT(BIO_flush(bio), 1);
    EXPECT_INT(send(peer, "world", 5, 0), 5);
    EXPECT_INT(BIO_read_ex(bio, bytes, 3, &len), 1);
    EXPECT_INT(len, 3);
    EXPECT(memcmp(bytes, "wor", 3) == 0);
    EXPECT(!BIO_eof(bio));
    bio_close();
}

static void asks_to_try_again(void)
{
    static char much[1024 * 1024];
    char bytes[16];
    size_t len = 0;

    bio_open();
    EXPECT_INT(BIO_read_ex(bio, bytes, sizeof(bytes), &len), 0);
    EXPECT(BIO_should_retry(bio) && BIO_should_read(bio) && !BIO_eof(bio));
    while (BIO_write_ex(bio, much, sizeof(much), &len) == 1) {
    }
    EXPECT(BIO_should_retry(bio) && BIO_should_write(bio));
    EXPECT_INT(send(peer, "x", 1, 0), 1);
    EXPECT_INT(BIO_read_ex(bio, bytes, sizeof(bytes), &len), 1);
    EXPECT(!BIO_should_retry(bio));
    bio_close();
}

static void tells_the_end(void)
{
    char bytes[16];
    size_t len = 0;

    bio_open();
    close(peer);
    peer = -1;
    EXPECT_INT(BIO_read_ex(bio, bytes, sizeof(bytes), &len), 0);
    EXPECT(BIO_eof(bio) && !BIO_should_retry(bio));
    EXPECT_INT(BIO_write_ex(bio, "x", 1, &len), 0); /* and no SIGPIPE */
    EXPECT(!BIO_should_retry(bio));
    bio_close();
}

int main(void)
{
    TEST(moves_bytes, "moves bytes both ways");
    TEST(asks_to_try_again, "asks to try again when the socket is not ready");
    TEST(tells_the_end, "tells the end, which is no signal");
    return tap_done();
}
