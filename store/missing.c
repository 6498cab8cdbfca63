#include "missing.h"

#include "../schemas/hash.h"

#define NAMES_MAX 1024
#define PLACES    (2 * NAMES_MAX) /* of the table; a power of two */
#define LEFT_OUT  16              /* look-ups that are not tried after one was in vain */

struct missing {
    pthread_mutex_t lock;
    atomic_bool is_news;    /* a commit came since the last look-up */
    struct conn *c;         /* guard: lock, as all below; NULL = none yet */
    bool has_snapshot;
    bool committing;        /* what is in the tables now is not known */
    bool too_many;          /* came is not all */
    unsigned left_out;      /* look-ups still to be left out */
    size_t n;
    uint64_t came[PLACES];  /* hashes of the names since the snapshot, by place; 0 = free */
};

struct missing *missing_new(void)
{
    struct missing *m = calloc(1, sizeof *m);

    if (m)
        pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void give_up_locked(struct missing *m)
{
    conn_close(m->c);
    m->c = NULL;
    m->has_snapshot = false;
    m->left_out = LEFT_OUT;
}

void missing_free(struct missing *m)
{
    if (!m)
        return;
    conn_close(m->c);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* ---- The names that came ---- */

static uint64_t hash_of(uint32_t space, struct span key)
{
    uint64_t h = hash_add_span(hash_add(HASH_START, space), key);
    return h ? h : 1;
}

/* Where the hash is, or belongs. There is always a free place. */
static uint64_t *place_locked(struct missing *m, uint64_t hash)
{
    size_t i = hash % PLACES;

    while (m->came[i] && m->came[i] != hash)
        i = (i + 1) % PLACES;
    return &m->came[i];
}

static void add_locked(struct missing *m, uint64_t hash)
{
    uint64_t *place = place_locked(m, hash);

    if (*place)
        return;
    if (m->n == NAMES_MAX) {
        m->too_many = true;
        return;
    }
    *place = hash;
    m->n++;
}

void missing_note(struct store_tx *tx, uint32_t space, struct span key)
{
    struct name_list *l = &tx->names;

    if (l->n == l->cap && !l->many) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        uint64_t *grown = cap <= NAMES_MAX ? reallocarray(l->hashes, cap, sizeof *grown) : NULL;
        l->many = !grown;
        l->hashes = grown ? grown : l->hashes;
        l->cap = grown ? cap : l->cap;
    }
    if (!l->many)
        l->hashes[l->n++] = hash_of(space, key);
}

void missing_coming(struct missing *m, const struct name_list *names)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->committing = true;
    if (m->has_snapshot) {
        m->too_many |= names->many;
        for (size_t i = 0; i < names->n; i++)
            add_locked(m, names->hashes[i]);
    }
    pthread_mutex_unlock(&m->lock);
}

void missing_came(struct missing *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->committing = false;
    pthread_mutex_unlock(&m->lock);
    atomic_store(&m->is_news, true);
}

/* ---- The snapshot ---- */

/* It begins with the first look-up in it, which follows under the same lock. */
static bool begin_locked(struct store *s, struct missing *m)
{
    struct err ignored = ERR_INIT;

    if (m->committing || (!m->c && conn_open(s, false, &m->c, &ignored)))
        return false;
    if (conn_exec(m->c, "BEGIN", &ignored))
        return false;
    memset(m->came, 0, sizeof m->came);
    m->n = 0;
    m->too_many = false;
    m->has_snapshot = true;
    return true;
}

static bool end_locked(struct missing *m)
{
    struct err ignored = ERR_INIT;

    if (m->has_snapshot && conn_exec(m->c, "COMMIT", &ignored))
        give_up_locked(m);
    m->has_snapshot = false;
    return m->left_out == 0;
}

void missing_pause(struct missing *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    end_locked(m);
}

void missing_resume(struct missing *m)
{
    if (m)
        pthread_mutex_unlock(&m->lock);
}

/* ---- Asking ---- */

/* A name that was looked up in vain costs more than the pool alone: where many are there, few are tried. */
static bool is_missing_locked(struct missing *m, uint32_t space, struct span key)
{
    struct err ignored = ERR_INIT;
    uint64_t id;
    bool found = false;

    if (item_find_id(m->c, space, key, &id, &found, &ignored)) {
        give_up_locked(m);
        return false;
    }
    if (found)
        m->left_out = LEFT_OUT;
    return !found && !*place_locked(m, hash_of(space, key));
}

static bool ask_locked(struct store *s, struct missing *m, uint32_t space, struct span key)
{
    if (m->left_out) {
        m->left_out--;
        return false;
    }
    if (m->too_many && !end_locked(m))
        return false;
    if (!m->has_snapshot && !begin_locked(s, m)) {
        if (!m->committing)
            give_up_locked(m);
        return false;
    }
    return is_missing_locked(m, space, key);
}

bool missing_knows(struct store *s, uint32_t space, struct span key)
{
    struct missing *m = s->missing;
    bool ret = false;

    if (!m || !atomic_exchange(&m->is_news, false))
        return false;
    calls_begin(s);
    if (pthread_mutex_trylock(&m->lock) == 0) {
        ret = ask_locked(s, m, space, key);
        pthread_mutex_unlock(&m->lock);
    }
    calls_end(s);
    return ret;
}
