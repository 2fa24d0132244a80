/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int pem_no_passphrase(char *buffer, int size, int writing, void *user)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static bool fail(struct error *error, struct slice file, const char *what)
{
    ERR_clear_error(); /* its reasons ("no start line") say less than ours */
    return error_set(error, ERROR_INVALID, "bad_pem", "%.*s %s",
                     (int)(file.len < 150 ? file.len : 150), file.ptr, what);
}

static BIO *file_open(struct slice file)
{
    char path[PATH_MAX];
    ERR_clear_error();
    if (file.len >= sizeof path) {
        return NULL;
    }
    slice_to_cstr(file, path, sizeof path);
    return BIO_new_file(path, "r");
}

/* The end of a file is the want of a further beginning. */
static bool is_end(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

/* *ret_first, when it is wanted, is the caller's to free. */
static bool certificates_read(struct slice file, X509 **ret_first, struct error *error)
{
    BIO *in = file_open(file);
    X509 *first = in == NULL ? NULL : PEM_read_bio_X509_AUX(in, NULL, pem_no_passphrase, NULL);
    X509 *next = first;
    while (next != NULL) {
        if (next != first) {
            X509_free(next);
        }
        next = PEM_read_bio_X509(in, NULL, pem_no_passphrase, NULL);
    }
    bool broken = in != NULL && !is_end();
    BIO_free(in);
    if (first == NULL || broken) {
        X509_free(first);
        return fail(error, file,
                    broken ? "has a certificate that cannot be read" : "has no certificate in PEM");
    }
    ERR_clear_error();
    if (ret_first != NULL) {
        *ret_first = first;
    } else {
        X509_free(first);
    }
    return true;
}

static EVP_PKEY *key_read(struct slice file, struct error *error)
{
    BIO *in = file_open(file);
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, pem_no_passphrase, NULL);
    BIO_free(in);
    if (key == NULL) {
        fail(error, file, "has no private key in PEM that can be read without a passphrase");
    }
    return key;
}

bool pem_certificates(struct slice file, struct error *error)
{
    return certificates_read(file, NULL, error);
}

bool pem_pair(struct slice certificate_file, struct slice key_file, struct error *error)
{
    X509 *first = NULL;
    EVP_PKEY *key = key_read(key_file, error);
    bool sound = key != NULL && certificates_read(certificate_file, &first, error);
    if (sound && X509_check_private_key(first, key) != 1) {
        sound = fail(error, key_file, "is not the key of the certificate");
    }
    X509_free(first);
    EVP_PKEY_free(key);
    return sound;
}
