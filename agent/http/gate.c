/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords and tokens checked. See gate.h. */
#include "gate.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "agent/log.h"

#define SHOWN_BYTES 512 /* of name, colon and password */
#define SECOND_NS   UINT64_C(1000000000)
#define PAUSE_NS    (SECOND_NS / GATE_PER_S)

struct gate {
    uint8_t key[SHA256_DIGEST_SIZE];
    pthread_mutex_t lock;
    uint64_t spent_ns; /* until then computations are paid for */
    unsigned next;     /* place to remember the next one in */
    unsigned known_count;
    uint8_t known[2 * CREDENTIALS_MAX][SHA256_DIGEST_SIZE];
    pthread_mutex_t computing; /* taken alone */
    struct crypt_data crypt;
};

/* What somebody shows. */
struct shown {
    const char *name;
    const char *password;
    char text[SHOWN_BYTES + 1];
};

static void forget(void *secret, size_t bytes)
{
    explicit_bzero(secret, bytes);
}

bool gate_open(struct gate **out_gate)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL || getrandom(gate->key, sizeof gate->key, 0) != (ssize_t)sizeof gate->key) {
        log_event(LOG_ERROR, log_what("cannot check passwords"), log_text("error", strerror(errno)));
        free(gate);
        return false;
    }
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_mutex_init(&gate->computing, NULL);
    *out_gate = gate;
    return true;
}

void gate_close(struct gate *gate)
{
    if (gate != NULL) {
        (void)pthread_mutex_destroy(&gate->lock);
        (void)pthread_mutex_destroy(&gate->computing);
        forget(gate, sizeof *gate);
        free(gate);
    }
}

/* --- tokens --------------------------------------------------------------------------------------------------------------- */

static const struct credential *find_token(const struct credentials *credentials, const char *token)
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    char hex[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE)];
    const struct credential *found = NULL;
    sha256_init(&context);
    sha256_update(&context, strlen(token), (const uint8_t *)token);
    sha256_digest(&context, sizeof digest, digest);
    base16_encode_update(hex, sizeof digest, digest);
    for (uint32_t i = 0; i < credentials->count; i++) {
        const struct credential *one = &credentials->one[i];
        found = one->is_token && memeql_sec(one->hash, hex, sizeof hex) ? one : found;
    }
    return found;
}

/* --- passwords ------------------------------------------------------------------------------------------------------------ */

/* Base64 of "name:password". False: it is none, or one that nobody could have. */
static bool parse_basic(const char *text, struct shown *out)
{
    struct base64_decode_ctx context;
    size_t bytes = sizeof out->text;
    if (strlen(text) > BASE64_ENCODE_RAW_LENGTH(SHOWN_BYTES)) {
        return false;
    }
    base64_decode_init(&context);
    if (!base64_decode_update(&context, &bytes, (uint8_t *)out->text, strlen(text), text) ||
        !base64_decode_final(&context) || bytes > SHOWN_BYTES /* the last four digits may be one more */ ||
        memchr(out->text, '\0', bytes) != NULL) {
        return false;
    }
    out->text[bytes] = '\0';
    char *colon = strchr(out->text, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    out->name = out->text;
    out->password = colon + 1;
    return true;
}

static void sign(const struct gate *gate, const struct credential *credential, const char *password,
                 uint8_t out_mac[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, sizeof gate->key, gate->key);
    hmac_sha256_update(&context, strlen(credential->name) + 1, (const uint8_t *)credential->name);
    hmac_sha256_update(&context, strlen(credential->hash) + 1, (const uint8_t *)credential->hash);
    hmac_sha256_update(&context, strlen(password), (const uint8_t *)password);
    hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, out_mac);
    forget(&context, sizeof context);
}

static bool is_remembered(struct gate *gate, const uint8_t mac[SHA256_DIGEST_SIZE])
{
    bool is_there = false;
    (void)pthread_mutex_lock(&gate->lock);
    for (unsigned i = 0; i < gate->known_count; i++) {
        is_there |= memeql_sec(gate->known[i], mac, SHA256_DIGEST_SIZE) != 0;
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return is_there;
}

static void remember(struct gate *gate, const uint8_t mac[SHA256_DIGEST_SIZE])
{
    (void)pthread_mutex_lock(&gate->lock);
    memcpy(gate->known[gate->next], mac, SHA256_DIGEST_SIZE);
    gate->next = (gate->next + 1) % (2 * CREDENTIALS_MAX);
    gate->known_count += gate->known_count < 2 * CREDENTIALS_MAX;
    (void)pthread_mutex_unlock(&gate->lock);
}

/* One computation is paid for, if there is one to be had. */
static bool pay(struct gate *gate, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&gate->lock);
    const uint64_t from_ns = gate->spent_ns > now_ns ? gate->spent_ns : now_ns;
    const bool is_paid = from_ns + PAUSE_NS <= now_ns + GATE_BURST * PAUSE_NS;
    gate->spent_ns = is_paid ? from_ns + PAUSE_NS : gate->spent_ns;
    (void)pthread_mutex_unlock(&gate->lock);
    return is_paid;
}

/* A hash that costs more than its share of a second is paid for longer. */
static void pay_rest(struct gate *gate, uint64_t took_ns)
{
    if (took_ns > PAUSE_NS / GATE_SHARE) {
        (void)pthread_mutex_lock(&gate->lock);
        gate->spent_ns += took_ns * GATE_SHARE - PAUSE_NS;
        (void)pthread_mutex_unlock(&gate->lock);
    }
}

/* Of the processor, not of the day: a busy machine is no reason to keep people out. */
static uint64_t thread_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static bool compute(struct gate *gate, const char *password, const char *hash)
{
    const uint64_t begun_ns = thread_ns();
    (void)pthread_mutex_lock(&gate->computing);
    const char *got = crypt_rn(password, hash, &gate->crypt, sizeof gate->crypt);
    const size_t bytes = strlen(hash);
    const bool is_it = got != NULL && strlen(got) == bytes && memeql_sec(got, hash, bytes);
    forget(&gate->crypt, sizeof gate->crypt);
    (void)pthread_mutex_unlock(&gate->computing);
    pay_rest(gate, thread_ns() - begun_ns);
    return is_it;
}

/* A number of that name which only this process can tell. */
static uint32_t draw(const struct gate *gate, const char *name)
{
    struct hmac_sha256_ctx context;
    uint32_t number = 0;
    hmac_sha256_set_key(&context, sizeof gate->key, gate->key);
    hmac_sha256_update(&context, strlen(name), (const uint8_t *)name);
    hmac_sha256_digest(&context, sizeof number, (uint8_t *)&number);
    forget(&context, sizeof context);
    return number;
}

/* The user of that name; without one some user, for one name always the same, whose hash takes as long as a user's. NULL: there are no users. */
static const struct credential *find_user(const struct gate *gate, const struct credentials *credentials,
                                          const char *name, bool *out_is_it)
{
    const struct credential *users[2 * CREDENTIALS_MAX];
    const struct credential *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < credentials->count; i++) {
        const struct credential *one = &credentials->one[i];
        if (!one->is_token) {
            users[count++] = one;
            found = strcmp(one->name, name) == 0 ? one : found;
        }
    }
    *out_is_it = found != NULL;
    const uint32_t drawn = draw(gate, name);
    return found != NULL ? found : count > 0 ? users[drawn % count] : NULL;
}

static struct gate_pass check_password(struct gate *gate, const struct credentials *credentials,
                                       const struct shown *shown, uint64_t now_ns)
{
    const struct gate_pass refused = {.result = GATE_REFUSED, .is_wrong = true};
    uint8_t mac[SHA256_DIGEST_SIZE];
    bool is_name = false;
    const struct credential *user = find_user(gate, credentials, shown->name, &is_name);
    if (user == NULL) {
        return refused;
    }
    const struct gate_pass known = {.result = GATE_KNOWN, .credential = user};
    sign(gate, user, shown->password, mac);
    if (is_name && is_remembered(gate, mac)) {
        return known;
    }
    if (!pay(gate, now_ns)) {
        return (struct gate_pass){.result = GATE_BUSY, .is_wrong = true};
    }
    if (!compute(gate, shown->password, user->hash) || !is_name) {
        return refused;
    }
    remember(gate, mac);
    return known;
}

/* --- the header ----------------------------------------------------------------------------------------------------------- */

/* What stands behind the scheme. NULL: it is another one. */
static const char *behind(const char *authorization, const char *scheme)
{
    const size_t length = strlen(scheme);
    if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ') {
        return NULL;
    }
    return authorization + length + strspn(authorization + length, " ");
}

struct gate_pass gate_check(struct gate *gate, const struct credentials *credentials,
                            const char *authorization, uint64_t now_ns)
{
    if (credentials->count == 0) {
        return (struct gate_pass){.result = GATE_OPEN};
    }
    struct gate_pass pass = {.result = GATE_REFUSED, .is_wrong = authorization != NULL};
    const char *token = authorization == NULL ? NULL : behind(authorization, "Bearer");
    const char *basic = authorization == NULL ? NULL : behind(authorization, "Basic");
    struct shown shown;
    if (token != NULL) {
        pass.credential = find_token(credentials, token);
        pass.result = pass.credential != NULL ? GATE_KNOWN : GATE_REFUSED;
    } else if (basic != NULL) {
        if (parse_basic(basic, &shown)) {
            pass = check_password(gate, credentials, &shown, now_ns);
        }
        forget(&shown, sizeof shown);
    }
    return pass;
}
