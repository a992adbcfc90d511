/** The clocks of this machine: the one seam by which a test has time pass, or sets the clock as an operator does. */
export interface Clock {
  /** Milliseconds since the epoch, as rows and people have them. Whoever may set the clock moves it by hours. */
  wall(): number;
  /** Milliseconds since some moment. They pass as time does, whoever sets the clock, and stand still while the machine sleeps. */
  steady(): number;
}

export const systemClock: Clock = { wall: () => Date.now(), steady: () => performance.now() };
