/* The key-value store: one file a setting, readable by its owner only, replaced by renaming. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

static int directory = -1;

void host_store_open(const char *path)
{
    if (directory >= 0)
        close(directory);
    (void)mkdir(path, 0700);
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= PORT_KV_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

enum port_error port_kv_get(const char *name, uint8_t *value, size_t cap, size_t *len)
{
    if (!is_name(name))
        return PORT_ERR_ARGUMENT;
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return errno == ENOENT ? PORT_ERR_ABSENT : PORT_ERR_IO;
    struct stat info;
    enum port_error error = fstat(file, &info) != 0      ? PORT_ERR_IO
                            : (size_t)info.st_size > cap ? PORT_ERR_SPACE
                                                         : PORT_OK;
    ssize_t n = error == PORT_OK ? read(file, value, cap) : 0;
    close(file);
    *len = n > 0 ? (size_t)n : 0;
    return n < 0 ? PORT_ERR_IO : error;
}

static bool write_all(int file, const uint8_t *value, size_t len)
{
    while (len > 0) {
        ssize_t n = write(file, value, len);
        if (n < 0)
            return false;
        value += n;
        len -= (size_t)n;
    }
    return fsync(file) == 0;
}

enum port_error port_kv_set(const char *name, const uint8_t *value, size_t len)
{
    char fresh[PORT_KV_NAME_MAX + 8];
    if (!is_name(name) || len > PORT_KV_VALUE_MAX)
        return PORT_ERR_ARGUMENT;
    (void)snprintf(fresh, sizeof fresh, ".%s.new", name);
    int file = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return PORT_ERR_IO;
    bool written = write_all(file, value, len);
    close(file);
    return written && renameat(directory, fresh, directory, name) == 0 ? PORT_OK : PORT_ERR_IO;
}

enum port_error port_kv_erase(const char *name)
{
    if (!is_name(name))
        return PORT_ERR_ARGUMENT;
    if (unlinkat(directory, name, 0) == 0)
        return PORT_OK;
    return errno == ENOENT ? PORT_ERR_ABSENT : PORT_ERR_IO;
}

enum port_error port_kv_erase_all(const char *last)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* closedir() closes its own */
    DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
    if (listing == NULL)
        return PORT_ERR_IO;
    enum port_error error = PORT_OK;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (is_name(entry->d_name) && strcmp(entry->d_name, last) != 0 &&
            unlinkat(directory, entry->d_name, 0) != 0)
            error = PORT_ERR_IO;
    closedir(listing);
    if (error == PORT_OK)
        error = port_kv_erase(last);
    return error == PORT_ERR_ABSENT ? PORT_OK : error;
}
