'use strict';

// Its types alone are looked for.
