import { compose, inspect } from 'millrace';
import * as millrace from 'millrace';
import { upperCase } from 'millrace/text';

const same: typeof compose = millrace.compose;
console.log(same(upperCase()), inspect().length);
