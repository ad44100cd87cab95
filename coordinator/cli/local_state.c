#include "coordinator/cli/local_state.h"

#include "common/os/file.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

struct file_system {
    uint64_t    type;
    const char *name;
};

/* FUSE too: nobody can tell sshfs from a local one. */
static const struct file_system networks[] = {
    { NFS_SUPER_MAGIC, "NFS" },   { SMB_SUPER_MAGIC, "SMB" },   { CIFS_SUPER_MAGIC, "SMB" },
    { SMB2_SUPER_MAGIC, "SMB" },  { FUSE_SUPER_MAGIC, "FUSE" }, { V9FS_MAGIC, "9P" },
    { CEPH_SUPER_MAGIC, "Ceph" }, { AFS_SUPER_MAGIC, "AFS" },   { AFS_FS_MAGIC, "AFS" },
    { CODA_SUPER_MAGIC, "Coda" }, { NCP_SUPER_MAGIC, "NCP" },   { OCFS2_SUPER_MAGIC, "OCFS2" },
    { 0x01161970, "GFS2" },       { 0x0bd00bd0, "Lustre" },
};

const char *lk_network_file_system(uint64_t type)
{
    /* f_type is signed and sign-extended on some machines: 32 bits are what a magic has. */
    for (size_t i = 0; i < LK_COUNT(networks); i++)
        if ((uint32_t)type == (uint32_t)networks[i].type)
            return networks[i].name;
    return NULL;
}

char *lk_local_state_find(struct lk_err *err)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    /* The XDG specification: a path that is not absolute is to be ignored. */
    if (state && state[0] == '/')
        return lk_xasprintf("%s/lkcoord", state);
    if (home && home[0] == '/')
        return lk_xasprintf("%s/.local/state/lkcoord", home);
    lk_err_set(err, LK_ERR_INVALID,
               "a private coordinator needs a place for its state, and neither XDG_STATE_HOME "
               "nor HOME is set to an absolute path");
    return NULL;
}

static int check_length(const char *path, struct lk_err *err)
{
    size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" LK_LOCAL_CLIENTS);

    if (strlen(path) <= max)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s is too long a path for a private coordinator: its sockets lie in it, "
                      "so it may have %zu characters; set XDG_STATE_HOME to a shorter one",
                      path, max);
}

static int check_place(const char *path, struct lk_err *err)
{
    struct statfs file_system;
    struct stat   st;

    if (statfs(path, &file_system) < 0 || stat(path, &st) < 0)
        return lk_err_sys(err, "looking at %s", path);

    const char *network = lk_network_file_system((uint64_t)file_system.f_type);

    if (network)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is on a network file system (%s), where locks and sockets do not "
                          "hold; set XDG_STATE_HOME to a directory on this machine",
                          path, network);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO)))
        return lk_err_set(err, LK_ERR_DENIED,
                          "%s holds keys, and belongs to user %u with mode %04o: it must be "
                          "yours alone (chmod 700)",
                          path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
    return 0;
}

int lk_local_state_open(char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_local_state_find(err);

    if (!path || check_length(path, err) < 0 || lk_directory_make(path, 0700, err) < 0 ||
        check_place(path, err) < 0)
        return -1;
    *out = LK_TAKE(path);
    return 0;
}
