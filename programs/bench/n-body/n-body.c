/* Five bodies that draw one another, moved by so many steps of a thousandth. */
#include <math.h>

#include "../kernel.h"

#define BODIES 5
#define STEP 0.001

static double x[BODIES] = {0.0, 4.84, 8.34, 12.89, 15.38};
static double y[BODIES] = {0.0, -1.16, 4.12, -15.11, -25.92};
static double z[BODIES] = {0.0, -0.1, -0.4, -0.22, 0.18};
static double vx[BODIES] = {0.0, 0.61, -1.01, 1.08, 0.98};
static double vy[BODIES] = {0.0, 2.81, 1.82, 0.87, 0.59};
static double vz[BODIES] = {0.0, -0.02, 0.01, -0.01, -0.03};
static const double mass[BODIES] = {39.48, 0.0377, 0.0113, 0.0017, 0.002};

static void advance(void) {
  for (int i = 0; i < BODIES; i++) {
    for (int j = i + 1; j < BODIES; j++) {
      double dx = x[i] - x[j];
      double dy = y[i] - y[j];
      double dz = z[i] - z[j];
      double square = dx * dx + dy * dy + dz * dz;
      double pull = STEP / (square * sqrt(square));
      double of_i = mass[i] * pull;
      double of_j = mass[j] * pull;
      vx[i] = vx[i] - dx * of_j;
      vy[i] = vy[i] - dy * of_j;
      vz[i] = vz[i] - dz * of_j;
      vx[j] = vx[j] + dx * of_i;
      vy[j] = vy[j] + dy * of_i;
      vz[j] = vz[j] + dz * of_i;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    x[i] = x[i] + STEP * vx[i];
    y[i] = y[i] + STEP * vy[i];
    z[i] = z[i] + STEP * vz[i];
  }
}

int main(void) {
  int32_t steps = read_size();
  for (int32_t i = 0; i < steps; i++) advance();
  uint32_t hash = HASH_START;
  for (int i = 0; i < BODIES; i++) hash = mix_double(mix_double(mix_double(hash, x[i]), y[i]), z[i]);
  write_checksum(hash);
}
