/* The board's buses and what they switch on: shared by sound and display. Of the net task. */
#ifndef PORT_ESP_HARDWARE_H
#define PORT_ESP_HARDWARE_H

#include <driver/i2c_master.h>
#include <esp_err.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"

struct hardware_write {
    uint8_t reg, value;
};

/* Where the codec is: of a board with two revisions, where one answers; the first where none does. */
const struct board_wiring *hardware_wiring(void);
/* The bus of codecs and power chips, with the power on; NULL where there is none or it failed, which is
 * logged. */
i2c_master_bus_handle_t hardware_bus(void);
i2c_master_bus_handle_t hardware_open_bus(const struct board_i2c *pins);
esp_err_t hardware_write_all(i2c_master_bus_handle_t bus, uint8_t address,
                             const struct hardware_write *writes, size_t count);

#endif
