/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_bio.h"

#include "net/socket_call.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

static BIO_METHOD *method; /* made once for the process; never changes, never freed */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int descriptor_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool may_pass(int error)
{
    return error == EAGAIN || error == EINTR;
}

static int on_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
    ssize_t put = socket_send(descriptor_of(bio), bytes, len);

    BIO_clear_retry_flags(bio);
    if (put < 0) {
        if (may_pass(errno)) {
            BIO_set_retry_write(bio);
        }
        return -1;
    }
    *ret_len = (size_t)put;
    return 1;
}

static int on_read(BIO *bio, char *into, size_t size, size_t *ret_len)
{
    ssize_t got = socket_recv(descriptor_of(bio), into, size);

    BIO_clear_retry_flags(bio);
    if (got < 0) {
        if (may_pass(errno)) {
            BIO_set_retry_read(bio);
        }
        return -1;
    }
    if (got == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        return 0;
    }
    *ret_len = (size_t)got;
    return 1;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

static void make_method(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *made = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "socket");

    if (made != NULL && BIO_meth_set_write_ex(made, on_write) == 1 &&
        BIO_meth_set_read_ex(made, on_read) == 1 && BIO_meth_set_ctrl(made, on_control) == 1) {
        method = made;
    }
}

BIO *tls_bio_new(int fd)
{
    (void)pthread_once(&method_once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);

    if (bio != NULL) {
        BIO_set_data(bio, (void *)(intptr_t)fd);
        BIO_set_init(bio, 1);
    }
    return bio;
}
