#include "common/registry/shelf.h"

#include "common/base/limits.h"
#include "common/hash/sha256.h"
#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PREFIX      "://" LK_SHELF_HOST "/v2/"
#define ID_CHARS    32
#define PIECE_BYTES (size_t)(64 * 1024)

static char shelf[PATH_MAX]; /* "": none */

/* One request, taken apart. */
struct visit {
    const struct lk_http_request *request;
    struct lk_http_answer        *answer;
    char                         *repository; /* path in the registry */
    const char                   *object;     /* behind "manifests/" or "blobs/" */
    bool                          is_manifest;
};

void lk_shelf_use(const char *directory)
{
    lk_copy_text(shelf, sizeof(shelf), directory);
}

bool lk_shelf_serves(const char *url)
{
    const char *scheme = strstr(url, PREFIX);

    return shelf[0] && scheme && scheme - url <= 5;
}

static char *path_of(const char *directory, const char *kind, const struct lk_digest *digest)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    return lk_xasprintf("%s/%s/%s", directory, kind, text + strlen("sha256:"));
}

char *lk_shelf_blob_path(const char *directory, const struct lk_digest *digest)
{
    return path_of(directory, "blobs/sha256", digest);
}

char *lk_shelf_type_path(const char *directory, const struct lk_digest *digest)
{
    return path_of(directory, "types", digest);
}

char *lk_shelf_tag_path(const char *directory, const char *repository_path, const char *tag)
{
    char  *path = lk_xasprintf("%s/tags/%s:%s", directory, repository_path, tag);
    size_t start = strlen(directory) + strlen("/tags/");

    for (char *c = path + start; *c; c++)
        if (*c == '/')
            *c = '+';
    return path;
}

/* ---- answers ---- */

static void add_header(struct visit *visit, const char *name, const char *value)
{
    lk_buf_add(&visit->answer->headers, name, strlen(name) + 1);
    lk_buf_add(&visit->answer->headers, value, strlen(value) + 1);
    visit->answer->header_count++;
}

static int answer(struct visit *visit, int status)
{
    visit->answer->status = status;
    return 0;
}

static int answer_stored(struct visit *visit, const struct lk_digest *digest, int status)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    add_header(visit, "Docker-Content-Digest", text);
    return answer(visit, status);
}

static bool is_method(const struct visit *visit, const char *method)
{
    return strcmp(visit->request->method, method) == 0;
}

/* The caller checks size and digest, as for what a network brings. */
static int copy_to_answer(struct visit *visit, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    int                         to = visit->request->answer_fd;
    ssize_t                     got;

    if (fd < 0)
        return lk_err_sys(err, "opening %s", path);
    if (ftruncate(to, 0) < 0 || lseek(to, 0, SEEK_SET) < 0)
        return lk_err_sys(err, "emptying a file");
    while ((got = sendfile(to, fd, NULL, 1 << 30)) > 0 || (got < 0 && errno == EINTR))
        continue;
    return got < 0 ? lk_err_sys(err, "copying %s", path) : 0;
}

static int read_file(struct visit *visit, const char *path, struct lk_err *err)
{
    return visit->request->to_file ? copy_to_answer(visit, path, err)
                                   : lk_file_read(path, &visit->answer->body, err);
}

/* What is not there is a 404, and only that. */
static int answer_file(struct visit *visit, const char *path, const struct lk_digest *digest,
                       struct lk_err *err)
{
    if (is_method(visit, "HEAD")) {
        if (access(path, F_OK) < 0)
            return errno == ENOENT ? answer(visit, 404) : lk_err_sys(err, "opening %s", path);
    } else if (read_file(visit, path, err) < 0) {
        return err->kind == LK_ERR_NOT_FOUND ? answer(visit, 404) : -1;
    }
    return answer_stored(visit, digest, 200);
}

/* ---- manifests ---- */

static int find_manifest(const struct visit *visit, struct lk_digest *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_shelf_tag_path(shelf, visit->repository, visit->object);
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_DIGEST_TEXT_SIZE);

    if (lk_digest_parse(lk_str_of(visit->object), out))
        return 0;
    if (lk_file_read(path, &text, err) < 0)
        return -1;
    return lk_digest_parse(lk_buf_str(&text), out)
               ? 0
               : lk_err_set(err, LK_ERR_PERMANENT, "%s holds no digest", path);
}

static int get_manifest(struct visit *visit, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf type = LK_BUF_INIT(LK_MEDIA_TYPE_SIZE);
    LK_CLEANUP(lk_free_pointer) char     *type_path = NULL;
    LK_CLEANUP(lk_free_pointer) char     *path = NULL;
    struct lk_digest                      digest;

    if (find_manifest(visit, &digest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? answer(visit, 404) : -1;
    path = lk_shelf_blob_path(shelf, &digest);
    type_path = lk_shelf_type_path(shelf, &digest);
    if (lk_file_read(type_path, &type, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? answer(visit, 404) : -1;
    add_header(visit, "Content-Type", lk_buf_text(&type));
    return answer_file(visit, path, &digest, err);
}

static struct lk_str content_type(const struct lk_http_request *request)
{
    for (size_t i = 0; i < LK_COUNT(request->headers); i++)
        if (request->headers[i] && strncmp(request->headers[i], "Content-Type: ", 14) == 0)
            return lk_str_of(request->headers[i] + 14);
    return LK_STR("");
}

static int put_manifest(struct visit *visit, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = NULL;
    LK_CLEANUP(lk_free_pointer) char *type_path = NULL;
    LK_CLEANUP(lk_free_pointer)
    char            *tag_path = lk_shelf_tag_path(shelf, visit->repository, visit->object);
    struct lk_str    bytes = visit->request->body;
    struct lk_digest digest, named;
    char             text[LK_DIGEST_TEXT_SIZE];
    bool             by_digest = lk_digest_parse(lk_str_of(visit->object), &named);

    lk_sha256(bytes.data, bytes.len, &digest);
    if (by_digest && !lk_digest_eq(&digest, &named))
        return answer(visit, 400);
    path = lk_shelf_blob_path(shelf, &digest);
    type_path = lk_shelf_type_path(shelf, &digest);
    lk_digest_format(&digest, text);
    if (lk_file_replace(path, bytes, 0644, err) < 0 ||
        lk_file_replace(type_path, content_type(visit->request), 0644, err) < 0 ||
        (!by_digest && lk_file_replace(tag_path, lk_str_of(text), 0644, err) < 0))
        return -1;
    return answer_stored(visit, &digest, 201);
}

/* ---- blobs ---- */

static int get_blob(struct visit *visit, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = NULL;
    struct lk_digest                  digest;

    if (!lk_digest_parse(lk_str_of(visit->object), &digest))
        return answer(visit, 404);
    path = lk_shelf_blob_path(shelf, &digest);
    return answer_file(visit, path, &digest, err);
}

static int open_upload(struct visit *visit, struct lk_err *err)
{
    uint8_t random[ID_CHARS / 2];
    char    id[ID_CHARS + 1];

    randombytes_buf(random, sizeof(random));
    sodium_bin2hex(id, sizeof(id), random, sizeof(random));

    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/uploads/%s", shelf, id);
    LK_CLEANUP(lk_free_pointer)
    char *location = lk_xasprintf("/v2/%s/blobs/uploads/%s", visit->repository, id);

    if (lk_file_create(path, LK_STR(""), 0644, err) < 0)
        return -1;
    add_header(visit, "Location", location);
    return answer(visit, 202);
}

static int append_bytes(int fd, const char *bytes, size_t len, struct lk_err *err)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return lk_err_sys(err, "writing an upload below %s", shelf);
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

static int append_body(int fd, const struct lk_http_request *request, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *piece = NULL;
    uint64_t                          done = 0;

    if (!request->from_file)
        return append_bytes(fd, request->body.data, request->body.len, err);
    piece = lk_xmalloc(PIECE_BYTES);
    while (done < request->file_size) {
        uint64_t left = request->file_size - done;
        ssize_t  got = pread(request->file_fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES,
                             (off_t)(request->file_offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading what was to be sent");
        if (got == 0)
            return lk_err_set(err, LK_ERR_PERMANENT,
                              "the file to be sent is shorter than announced");
        if (append_bytes(fd, piece, (size_t)got, err) < 0)
            return -1;
        done += (uint64_t)got;
        if (request->progress)
            request->progress(request->progress_ctx, done);
    }
    return 0;
}

/* Renamed to its digest if it has it. */
static int finish_upload(struct visit *visit, int fd, const char *path,
                         const struct lk_digest *named, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *blob = lk_shelf_blob_path(shelf, named);
    struct lk_digest                  digest;
    uint64_t                          size;

    if (lk_sha256_fd(fd, &digest, &size, err) < 0)
        return -1;
    if (!lk_digest_eq(&digest, named)) {
        unlink(path);
        return answer(visit, 400);
    }
    if (fsync(fd) < 0 || rename(path, blob) < 0)
        return lk_err_sys(err, "storing %s", blob);
    return answer_stored(visit, named, 201);
}

static int use_upload(struct visit *visit, struct lk_err *err)
{
    const char                       *id = visit->object + strlen("uploads/");
    LK_CLEANUP(lk_free_pointer) char *path = NULL;
    LK_CLEANUP(lk_close_fd) int       fd = -1;
    const char                       *query = strchr(id, '?');
    struct lk_digest                  named;

    if (strspn(id, "0123456789abcdef") != ID_CHARS)
        return answer(visit, 404);
    path = lk_xasprintf("%s/uploads/%.*s", shelf, ID_CHARS, id);
    fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? answer(visit, 404) : lk_err_sys(err, "opening %s", path);
    /* How far a broken one came is not told: it begins anew. */
    if (is_method(visit, "GET"))
        return answer(visit, 404);
    if (append_body(fd, visit->request, err) < 0)
        return -1;
    if (is_method(visit, "PATCH"))
        return answer(visit, 202);
    /* "digest=sha256%3AHEX", as we ourselves have written it. */
    LK_CLEANUP(lk_free_pointer)
    char *digest = lk_xasprintf("sha256:%s",
                                query && strlen(query) > 64 ? query + strlen(query) - 64 : "");
    if (!lk_digest_parse(lk_str_of(digest), &named))
        return answer(visit, 400);
    return finish_upload(visit, fd, path, &named, err);
}

/* ---- the door ---- */

static int make_directories(struct lk_err *err)
{
    static const char *const names[] = { "blobs/sha256", "types", "tags", "uploads" };

    for (size_t i = 0; i < LK_COUNT(names); i++) {
        LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", shelf, names[i]);

        if (lk_directory_make(path, 0700, err) < 0)
            return -1;
    }
    return 0;
}

/* The last "/manifests/" or "/blobs/" divides: a repository may have such a name too. */
static bool take_apart(struct visit *visit)
{
    const char *path = strstr(visit->request->url, PREFIX) + strlen(PREFIX);
    const char *middle = NULL;

    for (const char *c = strchr(path, '/'); c; c = strchr(c + 1, '/'))
        if (strncmp(c, "/manifests/", 11) == 0 || strncmp(c, "/blobs/", 7) == 0)
            middle = c;
    if (!middle)
        return false;
    visit->is_manifest = middle[1] == 'm';
    visit->repository = lk_xasprintf("%.*s", (int)(middle - path), path);
    visit->object = middle + (visit->is_manifest ? 11 : 7);
    return true;
}

static int serve(struct visit *visit, struct lk_err *err)
{
    const char *path = strstr(visit->request->url, PREFIX) + strlen(PREFIX);

    /* "/v2/": no credentials are wanted here.  Of the rest there is nothing, and no referrers API. */
    if (!take_apart(visit))
        return answer(visit, *path ? 404 : 200);
    if (visit->is_manifest)
        return is_method(visit, "PUT") ? put_manifest(visit, err) : get_manifest(visit, err);
    if (is_method(visit, "POST"))
        return open_upload(visit, err);
    if (strncmp(visit->object, "uploads/", 8) == 0)
        return use_upload(visit, err);
    return get_blob(visit, err);
}

int lk_shelf_perform(const struct lk_http_request *request, struct lk_http_answer *answer,
                     struct lk_err *err)
{
    struct visit visit = { .request = request, .answer = answer };

    *answer = (struct lk_http_answer) { .headers = LK_BUF_INIT(4096),
                                        .body = LK_BUF_INIT(request->answer_max) };

    int result = make_directories(err) < 0 ? -1 : serve(&visit, err);

    free(visit.repository);
    return result;
}
