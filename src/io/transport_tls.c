/* TLS as a transport: an SSL whose BIO (tls_bio.h) is the connection's wire.
 *
 * Runs on the thread that has borrowed the connection. Rules kept here, so that nobody above meets
 * them:
 *  - OpenSSL's error queue is empty before each call and drained after each failure.
 *  - A record is only begun when its ciphertext fits into wire_out. So SSL_write never has to be
 *    retried, and the caller may change what it offers next.
 *  - After a fatal error the SSL is not touched again but for SSL_free. The end of the peer's
 * stream is no such error: writing goes on after it.
 *  - SSL_ERROR_WANT_* never leaves: results are enum transport_result.
 * What a connection keeps of a finished handshake is little: see tls_verify.h.
 */
#include "io/transport_tls.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_errors.h"
#include "io/tls_internal.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

enum {
    RECORD_PLAINTEXT_MAX = 16384,
    /* Header, IV, content type, MAC and padding of any cipher, and a KeyUpdate or alert before it.
     */
    RECORD_OVERHEAD_MAX = 512,
    TLS_HANDSHAKE_BYTE = 0x16,
    TLS_ALERT_BYTE = 0x15,
    KEY_UPDATES_PER_SECOND_MAX = 32, /* of the peer's */
    HELD_MAX = 128 * 1024            /* of OpenSSL's memory, for one connection */
};

static const char plaintext_answer[] = "-ERR this port speaks TLS; connect with --tls\r\n";

/* A session that a client may offer later. It lives as long as the context whose library its
 * certificates belong to. */
struct tls_session {
    uint32_t references; /* one thread */
    SSL_SESSION *session;
    struct tls_context *context;
};

static struct transport_tls *self_of(struct transport *transport)
{
    return (struct transport_tls *)(void *)transport;
}

static const struct transport_tls *const_self_of(const struct transport *transport)
{
    return (const struct transport_tls *)(const void *)transport;
}

_Static_assert(offsetof(struct transport_tls, base) == 0, "the casts above");

/* -- errors -- */

static enum transport_result end_with(const struct transport_tls *self,
                                      enum transport_result result, enum connection_outcome outcome)
{
    self->port.wire->outcome = outcome;
    return result;
}

/* The reason alone: the connection adds what failed and who the peer is. */
static void set_error(struct transport_tls *self, const char *reason)
{
    if (!self->error)
        self->error = mem_alloc(TRANSPORT_ERROR_TEXT_MAX);
    text_copy(self->error, TRANSPORT_ERROR_TEXT_MAX, reason);
    self->port.wire->error = self->error;
}

static void count_failure(struct io_stats *stats, enum handshake_failure failure)
{
    if (!stats)
        return;
    io_stat_add(stats->handshakes_failed, 1);
    switch (failure) {
    case HANDSHAKE_OTHER:
        io_stat_add(stats->failed_other, 1);
        break;
    case HANDSHAKE_NO_SHARED_PROTOCOL:
        io_stat_add(stats->failed_no_shared_protocol, 1);
        break;
    case HANDSHAKE_NO_SHARED_CIPHER:
        io_stat_add(stats->failed_no_shared_cipher, 1);
        break;
    case HANDSHAKE_NO_CERTIFICATE:
        io_stat_add(stats->failed_no_certificate, 1);
        break;
    case HANDSHAKE_UNKNOWN_CA:
        io_stat_add(stats->failed_unknown_ca, 1);
        break;
    case HANDSHAKE_EXPIRED:
        io_stat_add(stats->failed_expired, 1);
        break;
    case HANDSHAKE_REVOKED:
        io_stat_add(stats->failed_revoked, 1);
        break;
    case HANDSHAKE_NAME_MISMATCH:
        io_stat_add(stats->failed_name_mismatch, 1);
        break;
    case HANDSHAKE_PLAINTEXT:
        io_stat_add(stats->failed_plaintext, 1);
        break;
    case HANDSHAKE_RESET:
        io_stat_add(stats->failed_reset, 1);
        break;
    }
}

static enum transport_result handshake_failed(struct transport_tls *self,
                                              enum handshake_failure failure, const char *reason)
{
    self->is_broken = true;
    self->port.wire->failure = failure;
    set_error(self, reason);
    count_failure(self->stats, failure);
    return end_with(self, TRANSPORT_ERROR, OUTCOME_HANDSHAKE_FAILED);
}

/* The peer went away in the middle. */
static enum transport_result handshake_cut(struct transport_tls *self)
{
    const struct transport_wire *wire = self->port.wire;
    bool is_reset = wire->in_was_reset && wire->error;
    return handshake_failed(self, HANDSHAKE_RESET,
                            is_reset ? wire->error : "the peer closed the connection");
}

/* -- handshake -- */

/* Looks at the first byte, which tells plaintext from TLS. DONE: go on. */
static enum transport_result look_at_first_byte(struct transport_tls *self,
                                                struct transport_wire *wire)
{
    int byte = wire_peek(wire);
    if (byte < 0) {
        if (wire->in_ended)
            return handshake_cut(self);
        /* A client speaks first, so its SSL has to run before there is input. */
        return self->is_server ? TRANSPORT_NEED_INPUT : TRANSPORT_DONE;
    }
    self->has_seen_input = true;
    if (byte == TLS_HANDSHAKE_BYTE || (!self->is_server && byte == TLS_ALERT_BYTE))
        return TRANSPORT_DONE;
    if (!self->is_server)
        return handshake_failed(self, HANDSHAKE_PLAINTEXT,
                                "wrong version number (the peer does not speak TLS)");
    char *answer = wire_reserve(wire, sizeof(plaintext_answer) - 1);
    if (answer) {
        memcpy(answer, plaintext_answer, sizeof(plaintext_answer) - 1);
        wire_commit(wire, sizeof(plaintext_answer) - 1);
    }
    return handshake_failed(self, HANDSHAKE_PLAINTEXT, "the client does not speak TLS");
}

/* The peer's names, when a session was resumed, are in the session. */
static void restore_identity(struct transport_tls *self)
{
    void *data = NULL;
    size_t size = 0;
    SSL_SESSION *session = SSL_get_session(self->ssl);
    assert(!self->identity);
    if (session && SSL_SESSION_get0_ticket_appdata(session, &data, &size) && size > 1)
        self->identity = tls_identity_decode((const char *)data + 1, size - 1);
}

static void count_cipher(struct io_stats *stats, const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    switch (cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef) {
    case NID_aes_128_gcm:
        io_stat_add(stats->sessions_aes128_gcm, 1);
        break;
    case NID_aes_256_gcm:
        io_stat_add(stats->sessions_aes256_gcm, 1);
        break;
    case NID_chacha20_poly1305:
        io_stat_add(stats->sessions_chacha20, 1);
        break;
    default:
        io_stat_add(stats->sessions_other_cipher, 1);
        break;
    }
}

/* What a server's client offered, and whether it served. */
static void count_resumption(struct io_stats *stats, const struct transport_tls *self,
                             bool is_resumed)
{
    if (self->has_named && is_resumed)
        io_stat_add(stats->cache_hits, 1);
    else if (self->has_named)
        io_stat_add(stats->cache_misses, 1);
    else if (is_resumed)
        io_stat_add(stats->ticket_hits, 1);
    else if (self->has_offered)
        io_stat_add(stats->ticket_misses, 1);
}

static void finish_handshake(struct transport_tls *self)
{
    bool is_resumed = SSL_session_reused(self->ssl);
    bool is_tls13 = SSL_version(self->ssl) >= TLS1_3_VERSION;
    self->is_open = true;
    if (self->is_server && is_resumed)
        restore_identity(self);
    struct io_stats *stats = self->stats;
    if (!stats)
        return;
    if (is_resumed)
        io_stat_add(stats->handshakes_resumed, 1);
    else
        io_stat_add(stats->handshakes_full, 1);
    if (is_tls13)
        io_stat_add(stats->sessions_tls13, 1);
    else
        io_stat_add(stats->sessions_tls12, 1);
    count_cipher(stats, self->ssl);
    if (self->is_server)
        count_resumption(stats, self, is_resumed);
}

static enum transport_result advance_handshake(struct transport_tls *self,
                                               struct transport_wire *wire)
{
    tls_errors_clear();
    int result = SSL_do_handshake(self->ssl);
    if (result == 1) {
        finish_handshake(self);
        return TRANSPORT_DONE;
    }
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        if (wire->in_ended && wire->in_size == 0)
            return handshake_cut(self);
        return TRANSPORT_NEED_INPUT;
    case SSL_ERROR_WANT_WRITE:
        return TRANSPORT_NEED_OUTPUT;
    case SSL_ERROR_ZERO_RETURN:
        tls_errors_clear();
        return handshake_cut(self);
    default: {
        char reason[200];
        enum handshake_failure failure =
            tls_errors_classify(SSL_get_verify_result(self->ssl), reason, sizeof(reason));
        return handshake_failed(self, failure, reason);
    }
    }
}

static enum transport_result tls_handshake(struct transport *transport, struct transport_wire *wire)
{
    struct transport_tls *self = self_of(transport);
    if (self->is_open)
        return TRANSPORT_DONE;
    assert(!self->is_broken);
    self->port.wire = wire;
    enum transport_result result = TRANSPORT_DONE;
    if (!self->has_seen_input)
        result = look_at_first_byte(self, wire);
    if (result == TRANSPORT_DONE) {
        int64_t before_ns = clock_thread_cpu_ns();
        uint64_t balance = mem_tls_balance();
        result = advance_handshake(self, wire);
        self->held += mem_tls_balance() - balance;
        if (self->stats)
            io_stat_add(self->stats->handshake_cpu_us,
                        (clock_thread_cpu_ns() - before_ns + 500) / 1000);
    }
    self->port.wire = NULL;
    return result;
}

/* -- data -- */

/* Called at each step of a handshake, and after it at those of a key update: each costs as much as
 * 16 KB of data and has 27 bytes, so a peer that sends nothing else would hold up all others. */
void transport_tls_on_info(const SSL *ssl, int where, int value)
{
    (void)value;
    OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
    if (!(where & SSL_CB_LOOP) || (state != TLS_ST_SR_KEY_UPDATE && state != TLS_ST_CR_KEY_UPDATE))
        return;
    struct transport_tls *self = transport_tls_of(ssl);
    uint16_t second = (uint16_t)(clock_ms() / 1000);
    if (second != self->key_update_second)
        self->key_updates = 0;
    self->key_update_second = second;
    if (++self->key_updates > KEY_UPDATES_PER_SECOND_MAX)
        self->port.is_cut = true;
}

static enum transport_result break_off(struct transport_tls *self, const char *reason)
{
    self->is_broken = true;
    set_error(self, reason);
    return end_with(self, TRANSPORT_ERROR, OUTCOME_PROTOCOL_ERROR);
}

/* What a failed SSL_read or SSL_write means. The outcome and text are set in the wire. */
static enum transport_result judge(struct transport_tls *self, int result)
{
    struct transport_wire *wire = self->port.wire;
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        if (self->port.is_cut)
            return break_off(self, "too many key updates");
        if (!wire->in_ended || wire->in_size > 0)
            return TRANSPORT_NEED_INPUT;
        return end_with(self, TRANSPORT_CLOSED, OUTCOME_CLOSED_TRUNCATED);
    case SSL_ERROR_WANT_WRITE:
        return TRANSPORT_NEED_OUTPUT;
    case SSL_ERROR_ZERO_RETURN:
        tls_errors_clear();
        return end_with(self, TRANSPORT_CLOSED, OUTCOME_CLOSED_CLEAN);
    default: {
        char reason[200];
        wire->failure =
            tls_errors_classify(SSL_get_verify_result(self->ssl), reason, sizeof(reason));
        return break_off(self, reason);
    }
    }
}

static enum transport_result report_deferred(struct transport_tls *self,
                                             struct transport_wire *wire)
{
    enum transport_result result = (enum transport_result)self->deferred;
    wire->outcome = (enum connection_outcome)self->outcome;
    if (result == TRANSPORT_ERROR)
        wire->error = self->error;
    return result;
}

/* Asking OpenSSL would find that out too, by way of a buffer that it makes and frees again. */
static bool has_nothing_to_read(const struct transport_tls *self, const struct transport_wire *wire)
{
    return wire->in_size == 0 && !wire->in_ended && !SSL_has_pending(self->ssl) &&
           !SSL_in_init(self->ssl); /* nor a key update half sent */
}

/* At most, of what the read to come decrypts: it may be a password. */
static size_t size_of_plaintext(const struct transport_tls *self, const struct transport_wire *wire)
{
    return SSL_has_pending(self->ssl) ? SIZE_MAX : wire->in_size;
}

static enum transport_result tls_read(struct transport *transport, struct transport_wire *wire,
                                      char *destination, size_t size, size_t *count)
{
    struct transport_tls *self = self_of(transport);
    assert(self->is_open && size > 0);
    *count = 0;
    if (self->deferred != TRANSPORT_DONE)
        return report_deferred(self, wire);
    assert(!self->is_broken);
    self->port.wire = wire;
    uint64_t balance = mem_tls_balance();
    size_t taken = 0;
    uint64_t records = 0;
    enum transport_result result = TRANSPORT_DONE;
    while (taken < size) {
        if (has_nothing_to_read(self, wire)) {
            result = TRANSPORT_NEED_INPUT;
            break;
        }
        tls_errors_clear();
        mem_tls_wipe_freed(size_of_plaintext(self, wire));
        size_t part = 0;
        int code = SSL_read_ex(self->ssl, destination + taken, size - taken, &part);
        if (code != 1) {
            result = judge(self, code);
            break;
        }
        taken += part;
        records += SSL_pending(self->ssl) == 0; /* that was the end of one */
    }
    if (result == TRANSPORT_CLOSED || result == TRANSPORT_ERROR) {
        self->deferred = (uint8_t)result; /* it stays so, however often one asks */
        self->outcome = (uint8_t)wire->outcome;
    }
    mem_tls_wipe_freed(0);
    self->held += mem_tls_balance() - balance;
    self->is_starved = result != TRANSPORT_DONE;
    self->port.wire = NULL;
    if (taken == 0)
        return result;
    *count = taken;
    if (self->stats) {
        io_stat_add(self->stats->plaintext_in, taken);
        io_stat_add(self->stats->records_in, records);
    }
    return TRANSPORT_DONE;
}

static enum transport_result tls_write(struct transport *transport, struct transport_wire *wire,
                                       const char *source, size_t size, size_t *count)
{
    struct transport_tls *self = self_of(transport);
    assert(self->is_open && size > 0);
    *count = 0;
    if (self->is_broken)
        return report_deferred(self, wire);
    self->port.wire = wire;
    tls_errors_clear();
    uint64_t balance = mem_tls_balance();
    size_t written = 0;
    uint64_t records = 0;
    enum transport_result result = TRANSPORT_DONE;
    while (written < size) {
        size_t part = size - written;
        if (part > RECORD_PLAINTEXT_MAX)
            part = RECORD_PLAINTEXT_MAX;
        if (!wire_reserve(wire, part + RECORD_OVERHEAD_MAX)) {
            result = TRANSPORT_NEED_OUTPUT;
            break;
        }
        int code = SSL_write_ex(self->ssl, source + written, part, &part);
        if (code != 1) {
            result = judge(self, code);
            break;
        }
        written += part;
        records++;
    }
    self->held += mem_tls_balance() - balance;
    if (result == TRANSPORT_CLOSED || result == TRANSPORT_ERROR) {
        self->deferred = (uint8_t)result;
        self->outcome = (uint8_t)wire->outcome;
    }
    self->port.wire = NULL;
    if (written == 0)
        return result;
    *count = written;
    if (self->stats) {
        io_stat_add(self->stats->plaintext_out, written);
        io_stat_add(self->stats->records_out, records);
    }
    return TRANSPORT_DONE;
}

static bool tls_has_pending(const struct transport *transport)
{
    const struct transport_tls *self = const_self_of(transport);
    if (self->deferred != TRANSPORT_DONE)
        return true; /* the end is still to be told */
    /* A record that is not whole counts as pending for OpenSSL; the last read knows better. */
    return !self->is_starved && SSL_has_pending(self->ssl);
}

static void tls_shutdown(struct transport *transport, struct transport_wire *wire)
{
    struct transport_tls *self = self_of(transport);
    if (!self->is_open || self->is_broken || self->has_said_goodbye)
        return;
    self->has_said_goodbye = true;
    self->port.wire = wire;
    tls_errors_clear();
    (void)SSL_shutdown(
        self->ssl); /* 0: sent; whatever else: it could not go, and that is all right */
    tls_errors_clear();
    self->port.wire = NULL;
}

static void tls_destroy(struct transport *transport)
{
    struct transport_tls *self = self_of(transport);
    /* A session is worth keeping unless the connection broke; without this OpenSSL forgets the
     * session of every connection that did not say goodbye. */
    if (self->is_open && !self->is_broken)
        SSL_set_shutdown(self->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(self->ssl);
    SSL_SESSION_free(self->session);
    tls_session_free(self->offered);
    tls_identity_release(self->identity);
    tls_context_release(self->context);
    tls_errors_clear();
    mem_free(self->error);
    mem_free(self);
}

static const struct transport_ops tls_ops = {
    .name = "tls",
    .handshake = tls_handshake,
    .read = tls_read,
    .write = tls_write,
    .has_pending = tls_has_pending,
    .shutdown = tls_shutdown,
    .destroy = tls_destroy,
};

/* -- creation -- */

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* Names that the peer's certificate must carry, one of them. */
static bool set_verify_names(struct transport_tls *self, const char *names)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(self->ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    self->requires_names = true;
    if (is_address(names))
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, names);
    bool is_done = true;
    for (const char *at = names; *at && is_done;) {
        size_t size = strcspn(at, " ");
        if (size > 0)
            is_done = X509_VERIFY_PARAM_add1_host(parameters, at, size);
        at += size + strspn(at + size, " ");
    }
    return is_done;
}

/* Offers an earlier session. One that came from another context is copied through its encoding, so
 * that nothing of that context is kept. */
static void offer_session(struct transport_tls *self, struct tls_session *session)
{
    if (session->context == self->context) {
        session->references++;
        self->offered = session;
        (void)SSL_set_session(self->ssl, session->session);
        return;
    }
    unsigned char *encoded = NULL;
    int size = i2d_SSL_SESSION(session->session, &encoded);
    const unsigned char *at = encoded;
    SSL_SESSION *copy = size > 0 ? d2i_SSL_SESSION(NULL, &at, size) : NULL;
    if (copy)
        (void)SSL_set_session(self->ssl, copy);
    SSL_SESSION_free(copy);
    if (encoded)
        OPENSSL_clear_free(encoded, size > 0 ? (size_t)size : 0);
}

static bool prepare(struct transport_tls *self, const struct tls_transport_options *options)
{
    BIO *bio = tls_bio_create(tls_library_bio_method(), &self->port);
    if (!bio)
        return false;
    SSL_set_bio(self->ssl, bio, bio);
    if (options->verify_name && *options->verify_name &&
        !set_verify_names(self, options->verify_name))
        return false;
    if (self->is_server) {
        if (options->requires_certificate)
            SSL_set_verify(self->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_set_accept_state(self->ssl);
        return true;
    }
    if (options->server_name && *options->server_name && !is_address(options->server_name) &&
        !SSL_set_tlsext_host_name(self->ssl, (char *)(uintptr_t)options->server_name))
        return false;
    if (options->session)
        offer_session(self, options->session);
    SSL_set_connect_state(self->ssl);
    return true;
}

struct transport *transport_tls_create(const struct tls_transport_options *options)
{
    SSL_CTX *ssl_context = options->is_server ? options->context->server : options->context->client;
    if (!ssl_context)
        return NULL;
    tls_errors_clear();
    uint64_t balance = mem_tls_balance();
    SSL *ssl = SSL_new(ssl_context);
    if (!ssl) {
        tls_errors_clear();
        return NULL;
    }
    struct transport_tls *self = mem_calloc(1, sizeof(*self));
    self->base.ops = &tls_ops;
    self->ssl = ssl;
    self->context = tls_context_acquire(options->context);
    self->stats = options->stats;
    self->is_server = options->is_server;
    self->deferred = TRANSPORT_DONE;
    if (prepare(self, options)) {
        self->held = mem_tls_balance() - balance;
        return &self->base;
    }
    tls_destroy(&self->base);
    return NULL;
}

void transport_tls_set_stats(struct transport *transport, struct io_stats *stats)
{
    assert(transport->ops == &tls_ops);
    self_of(transport)->stats = stats;
}

/* Whoever comes first to a context pays for what OpenSSL fetches then, and it may free what another
 * has allocated: so the sum is held within bounds. */
size_t transport_tls_memory(const struct transport *transport)
{
    assert(transport->ops == &tls_ops);
    const struct transport_tls *self = const_self_of(transport);
    int64_t held = (int64_t)self->held;
    if (held < 0)
        held = 0;
    if (held > HELD_MAX)
        held = HELD_MAX;
    return sizeof(*self) + (size_t)held + (self->error ? TRANSPORT_ERROR_TEXT_MAX : 0);
}

/* -- facts and sessions -- */

static void describe_server_certificate(const struct transport_tls *self, struct tls_facts *facts)
{
    X509 *certificate = SSL_get0_peer_certificate(self->ssl);
    if (!certificate || SSL_get_verify_result(self->ssl) != X509_V_OK ||
        SSL_get_verify_mode(self->ssl) == SSL_VERIFY_NONE)
        return;
    struct tls_identity *identity = tls_identity_read(certificate);
    tls_identity_describe(identity, facts);
    tls_identity_release(identity);
}

void transport_tls_describe(const struct transport *transport, struct tls_facts *facts)
{
    assert(transport->ops == &tls_ops);
    const struct transport_tls *self = const_self_of(transport);
    assert(self->is_open);
    memset(facts, 0, sizeof(*facts));
    text_copy(facts->version, sizeof(facts->version), SSL_get_version(self->ssl));
    text_copy(facts->cipher, sizeof(facts->cipher), SSL_get_cipher_name(self->ssl));
    int group = (int)SSL_get_negotiated_group(self->ssl);
    const char *group_name = group > 0 ? SSL_group_to_name(self->ssl, group) : NULL;
    text_copy(facts->group, sizeof(facts->group), group_name ? group_name : "");
    facts->is_resumed = SSL_session_reused(self->ssl);
    if (self->is_server)
        tls_identity_describe(self->identity, facts);
    else
        describe_server_certificate(self, facts);
    tls_errors_clear();
}

void *transport_tls_take_session(struct transport *transport)
{
    assert(transport->ops == &tls_ops);
    struct transport_tls *self = self_of(transport);
    if (!self->session || !SSL_SESSION_is_resumable(self->session))
        return NULL;
    struct tls_session *session = mem_alloc(sizeof(*session));
    *session = (struct tls_session){1, self->session, tls_context_acquire(self->context)};
    self->session = NULL;
    return session;
}

void tls_session_free(void *session_pointer)
{
    struct tls_session *session = session_pointer;
    if (!session || --session->references > 0)
        return;
    SSL_SESSION_free(session->session);
    tls_context_release(session->context);
    mem_free(session);
}
