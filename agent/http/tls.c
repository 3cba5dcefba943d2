/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys. See tls.h. */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "agent/log.h"

#define FILE_BYTES (256u << 10)

static bool fail(const char *file, const char *why, const char *error)
{
    log_event(LOG_ERROR, log_what("cannot serve TLS"), log_text("file", file), log_text("why", why),
              log_text("error", error));
    return false;
}

static bool read_whole(int fd, const char *file, struct buffer *out)
{
    for (;;) {
        char *room = buffer_room(out, FILE_BYTES + 1 - out->used);
        const ssize_t got = room == NULL ? -1 : read(fd, room, FILE_BYTES + 1 - out->used);
        if (got < 0) {
            return fail(file, "it cannot be read", strerror(room == NULL ? ENOMEM : errno));
        }
        if (got == 0) {
            return true;
        }
        out->used += (size_t)got;
        if (out->used > FILE_BYTES) {
            return fail(file, "it has more than 256 KB", "none");
        }
    }
}

/* What is no regular file is not waited for. */
static bool read_file(const char *file, bool is_key, struct buffer *out)
{
    struct stat st;
    const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return fail(file, "it cannot be opened", strerror(errno));
    }
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!good) {
        (void)fail(file, "it is no file", "none");
    } else if (is_key && (st.st_mode & (S_IRWXO)) != 0) {
        good =
            fail(file, "others may use this key: chmod o= takes that away, and a new key is better", "none");
    } else {
        good = read_whole(fd, file, out);
    }
    (void)close(fd);
    buffer_add(out, "", 1);
    return good && !out->failed;
}

static gnutls_datum_t datum_of(const struct buffer *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text->text, .size = (unsigned)text->used - 1};
}

static bool check_certificate(const char *file, const struct buffer *text)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    const gnutls_datum_t datum = datum_of(text);
    const int result = gnutls_x509_crt_list_import2(&list, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
    if (result < 0) {
        return fail(file, "it is no certificate in PEM (-----BEGIN CERTIFICATE-----)",
                    gnutls_strerror(result));
    }
    if (count > 0 && gnutls_x509_crt_get_expiration_time(list[0]) < time(NULL)) {
        log_event(LOG_WARNING, log_what("the certificate has expired"), log_text("file", file));
    }
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    return true;
}

static bool check_key(const char *file, const struct buffer *text)
{
    gnutls_x509_privkey_t key;
    const gnutls_datum_t datum = datum_of(text);
    int result = gnutls_x509_privkey_init(&key);
    if (result == 0) {
        result = gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_x509_privkey_deinit(key);
    }
    return result == 0 || fail(file,
                               result == GNUTLS_E_DECRYPTION_FAILED
                                   ? "the key is encrypted, and nobody is there to type its password"
                                   : "it is no private key in PEM (-----BEGIN PRIVATE KEY-----)",
                               gnutls_strerror(result));
}

static bool check_pair(const char *certificate_file, const char *key_file, const struct tls *tls)
{
    gnutls_certificate_credentials_t credentials;
    const gnutls_datum_t certificate = datum_of(&tls->certificate);
    const gnutls_datum_t key = datum_of(&tls->key);
    int result = gnutls_certificate_allocate_credentials(&credentials);
    if (result == 0) {
        result = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
        gnutls_certificate_free_credentials(credentials);
    }
    if (result < 0) {
        log_event(LOG_ERROR, log_what("cannot serve TLS"), log_text("file", certificate_file),
                  log_text("key", key_file),
                  log_text("why", result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
                                      ? "the key is of another certificate"
                                      : "they are not taken together"),
                  log_text("error", gnutls_strerror(result)));
    }
    return result >= 0;
}

bool tls_read(const char *certificate, const char *key, struct tls *out_tls)
{
    *out_tls = (struct tls){.key = {0}};
    const bool good = read_file(certificate, false, &out_tls->certificate) &&
                      read_file(key, true, &out_tls->key) &&
                      check_certificate(certificate, &out_tls->certificate) &&
                      check_key(key, &out_tls->key) && check_pair(certificate, key, out_tls);
    if (!good) {
        tls_free(out_tls);
    }
    return good;
}

void tls_free(struct tls *tls)
{
    if (tls->key.text != NULL) {
        gnutls_memset(tls->key.text, 0, tls->key.room);
    }
    buffer_free(&tls->key);
    buffer_free(&tls->certificate);
}
