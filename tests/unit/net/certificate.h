/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests, made when they are needed: nothing secret and nothing that expires lies
 * in the tree. */
#ifndef TESTS_UNIT_NET_CERTIFICATE_H
#define TESTS_UNIT_NET_CERTIFICATE_H

#include "base/check.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#define CERTIFICATE_DAY (24L * 3600)

struct certificate {
    EVP_PKEY *key;
    X509 *x509;
};

static void certificate_extend(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    CHECK(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself (NULL). names: "DNS:a.test,IP:127.0.0.1", or NULL for an
   authority. Valid from yesterday until `valid_days` from now. */
static struct certificate certificate_new(const struct certificate *issuer, const char *common_name,
                                          const char *names, long valid_days)
{
    static long serial;
    struct certificate made = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *subject = X509_get_subject_name(made.x509);

    CHECK(made.key != NULL && made.x509 != NULL);
    X509_set_version(made.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), -30 * CERTIFICATE_DAY);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), valid_days * CERTIFICATE_DAY);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(made.x509, issuer == NULL ? subject : X509_get_subject_name(issuer->x509));
    X509_set_pubkey(made.x509, made.key);
    certificate_extend(made.x509, NID_basic_constraints,
                       names == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (names != NULL) {
        certificate_extend(made.x509, NID_subject_alt_name, names);
    }
    CHECK(X509_sign(made.x509, issuer == NULL ? made.key : issuer->key, EVP_sha256()) > 0);
    return made;
}

static void certificate_free(struct certificate *certificate)
{
    EVP_PKEY_free(certificate->key);
    X509_free(certificate->x509);
}

/* Writes PEM to a new file whose name is put into `path` ("/tmp/nameXXXXXX"). */
static inline void certificate_save(const struct certificate *certificate, char *path)
{
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    CHECK(file != NULL && PEM_write_X509(file, certificate->x509) == 1);
    fclose(file);
}

static inline SSL_CTX *certificate_server(const struct certificate *certificate)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    CHECK(context != NULL && SSL_CTX_use_certificate(context, certificate->x509) == 1 &&
          SSL_CTX_use_PrivateKey(context, certificate->key) == 1);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    return context;
}

#endif
