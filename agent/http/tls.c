/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys. See tls.h. */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "agent/buffer.h"
#include "agent/log.h"

#define FILE_BYTES   (256u << 10)
#define SERIAL_BYTES 64

struct tls_pair {
    gnutls_x509_crt_t *chain; /* its own first */
    unsigned length;
    gnutls_x509_privkey_t key;
};

/* The pair in force. */
static struct {
    pthread_mutex_t lock;
    struct tls_pair *pair;
} current = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- reading -------------------------------------------------------------------------------------------------------------- */

static bool fail(struct tls_fault *fault, const char *file, const char *why, const char *error)
{
    *fault = (struct tls_fault){.file = file, .why = why, .error = error};
    return false;
}

static bool read_whole(int fd, const char *file, struct buffer *out, struct tls_fault *fault)
{
    for (;;) {
        char *room = buffer_room(out, FILE_BYTES + 1 - out->used);
        const ssize_t got = room == NULL ? -1 : read(fd, room, FILE_BYTES + 1 - out->used);
        if (got < 0) {
            return fail(fault, file, "it cannot be read", strerror(room == NULL ? ENOMEM : errno));
        }
        if (got == 0) {
            return true;
        }
        out->used += (size_t)got;
        if (out->used > FILE_BYTES) {
            return fail(fault, file, "it has more than 256 KB", "none");
        }
    }
}

/* What is no regular file is not waited for. */
static bool read_file(const char *file, bool is_key, struct buffer *out, struct tls_fault *fault)
{
    struct stat st;
    const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return fail(fault, file, "it cannot be opened", strerror(errno));
    }
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!good) {
        (void)fail(fault, file, "it is no file", "none");
    } else if (is_key && (st.st_mode & (S_IRWXO)) != 0) {
        good = fail(fault, file, "others may use this key: chmod o= takes that away, and a new key is better",
                    "none");
    } else {
        good = read_whole(fd, file, out, fault);
    }
    (void)close(fd);
    return good;
}

static gnutls_datum_t datum_of(const struct buffer *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text->text, .size = (unsigned)text->used};
}

static bool take_certificate(const char *file, const struct buffer *text, struct tls_pair *pair,
                             struct tls_fault *fault)
{
    const gnutls_datum_t datum = datum_of(text);
    const int result = gnutls_x509_crt_list_import2(&pair->chain, &pair->length, &datum, GNUTLS_X509_FMT_PEM,
                                                    GNUTLS_X509_CRT_LIST_SORT);
    if (result < 0 || pair->length == 0) {
        return fail(fault, file, "it is no certificate in PEM (-----BEGIN CERTIFICATE-----)",
                    gnutls_strerror(result));
    }
    if (gnutls_x509_crt_get_expiration_time(pair->chain[0]) < time(NULL)) {
        log_event(LOG_WARNING, log_what("the certificate has expired"), log_text("file", file));
    }
    return true;
}

static bool take_key(const char *file, const struct buffer *text, struct tls_pair *pair,
                     struct tls_fault *fault)
{
    const gnutls_datum_t datum = datum_of(text);
    int result = gnutls_x509_privkey_init(&pair->key);
    if (result == 0) {
        result = gnutls_x509_privkey_import2(pair->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    return result == 0 || fail(fault, file,
                               result == GNUTLS_E_DECRYPTION_FAILED
                                   ? "the key is encrypted, and nobody is there to type its password"
                                   : "it is no private key in PEM (-----BEGIN PRIVATE KEY-----)",
                               gnutls_strerror(result));
}

/* Do they fit? GnuTLS looks when it is given them for good, which they are not: a handshake asks for them. */
static bool check_pair(const char *key_file, const struct tls_pair *pair, struct tls_fault *fault)
{
    gnutls_certificate_credentials_t credentials;
    int result = gnutls_certificate_allocate_credentials(&credentials);
    if (result == 0) {
        result = gnutls_certificate_set_x509_key(credentials, pair->chain, (int)pair->length, pair->key);
        gnutls_certificate_free_credentials(credentials);
    }
    return result >= 0 || fail(fault, key_file,
                               result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
                                   ? "the key is of another certificate"
                                   : "the certificate and the key are not taken together",
                               gnutls_strerror(result));
}

static bool read_pair(const char *certificate_file, const char *key_file, struct tls_pair *pair,
                      struct tls_fault *fault)
{
    struct buffer certificate = {0};
    struct buffer key = {0};
    const bool good = read_file(certificate_file, false, &certificate, fault) &&
                      read_file(key_file, true, &key, fault) &&
                      take_certificate(certificate_file, &certificate, pair, fault) &&
                      take_key(key_file, &key, pair, fault) && check_pair(key_file, pair, fault);
    if (key.text != NULL) {
        gnutls_memset(key.text, 0, key.room);
    }
    buffer_free(&key);
    buffer_free(&certificate);
    return good;
}

struct tls_pair *tls_read(const char *certificate, const char *key, struct tls_fault *out_fault)
{
    struct tls_pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL) {
        (void)fail(out_fault, certificate, "there is no memory for it", strerror(ENOMEM));
    } else if (!read_pair(certificate, key, pair, out_fault)) {
        tls_free(pair);
        pair = NULL;
    }
    return pair;
}

/* GnuTLS wipes a key that it frees. */
void tls_free(struct tls_pair *pair)
{
    if (pair == NULL) {
        return;
    }
    for (unsigned i = 0; i < pair->length; i++) {
        gnutls_x509_crt_deinit(pair->chain[i]);
    }
    gnutls_free(pair->chain);
    gnutls_x509_privkey_deinit(pair->key);
    free(pair);
}

/* --- in force ------------------------------------------------------------------------------------------------------------- */

static void tell(const struct tls_pair *pair)
{
    unsigned char serial[SERIAL_BYTES];
    size_t bytes = sizeof serial;
    char text[2 * SERIAL_BYTES + 1] = "";
    if (gnutls_x509_crt_get_serial(pair->chain[0], serial, &bytes) == 0) {
        for (size_t i = 0; i < bytes; i++) {
            (void)snprintf(text + 2 * i, 3, "%02x", serial[i]);
        }
    }
    log_event(LOG_INFO, log_what("certificate in force"), log_text("serial", text),
              log_number("expires", (uint64_t)gnutls_x509_crt_get_expiration_time(pair->chain[0])));
}

void tls_put(struct tls_pair *pair)
{
    (void)pthread_mutex_lock(&current.lock);
    struct tls_pair *former = current.pair;
    current.pair = pair;
    (void)pthread_mutex_unlock(&current.lock);
    tls_free(former);
    if (pair != NULL) {
        tell(pair);
    }
}

static int copy_key(const struct tls_pair *pair, gnutls_privkey_t *out_key)
{
    gnutls_privkey_t key = NULL;
    int result = gnutls_privkey_init(&key);
    if (result == 0) {
        result = gnutls_privkey_import_x509(key, pair->key, GNUTLS_PRIVKEY_IMPORT_COPY);
        if (result != 0) {
            gnutls_privkey_deinit(key);
            return result;
        }
        *out_key = key;
    }
    return result;
}

static int copy_chain(const struct tls_pair *pair, gnutls_pcert_st **out_chain)
{
    gnutls_pcert_st *chain = gnutls_calloc(pair->length, sizeof *chain);
    int result = chain == NULL ? GNUTLS_E_MEMORY_ERROR : 0;
    unsigned count = 0;
    while (result == 0 && count < pair->length) {
        result = gnutls_pcert_import_x509(&chain[count], pair->chain[count], 0);
        count += result == 0;
    }
    if (result == 0) {
        *out_chain = chain;
        return 0;
    }
    while (count > 0) {
        gnutls_pcert_deinit(&chain[--count]);
    }
    gnutls_free(chain);
    return result;
}

int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **certs,
                 unsigned *certs_length, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length,
                 gnutls_privkey_t *privkey, unsigned *flags)
{
    (void)session, (void)info;
    gnutls_privkey_t key = NULL;
    (void)pthread_mutex_lock(&current.lock);
    const struct tls_pair *pair = current.pair;
    int result = pair == NULL ? GNUTLS_E_INSUFFICIENT_CREDENTIALS : copy_key(pair, &key);
    if (result == 0) {
        result = copy_chain(pair, certs);
    }
    if (result == 0) {
        *certs_length = pair->length;
    }
    (void)pthread_mutex_unlock(&current.lock);
    if (result != 0) {
        gnutls_privkey_deinit(key);
        return -1;
    }
    *privkey = key;
    *ocsp = NULL;
    *ocsp_length = 0;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return 0;
}
